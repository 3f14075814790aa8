"""Answers to lab 3's exercises, written as in `answers_lab1`."""

F1 = ("a, b = answer.lower().split(), accepted.lower().split()\nn = sum((Counter(a) & Counter(b)).values())\n"
      "p, r = n / (len(a) or 1), n / (len(b) or 1)\nreturn 2 * p * r / (p + r) if n else 0.0")
MEAN = "t = [v for d in drawn for v, c in zip(values, clusters) if c == d]\nreturn sum(t) / len(t)"
EVEN = ("if fixed_b <= fixed_a and each_b <= each_a: return 0.0\n"
        "return (fixed_b - fixed_a) / (each_a - each_b) if each_a > each_b else None")
SWING = ("rows = [(n, result(**{n: low}), result(**{n: high})) for n, (low, high) in ranges.items()]\n"
         "return sorted(rows, key=lambda row: -abs(row[2] - row[1]))")
REGRET = "[sum(max(row) - row[i] for row in values) / len(values) for i in range(len(values[0]))]"

WRONG = {
    "token_f1": [
        (F1.replace("split()", "split()", 1).replace("\nn =", "\na, b = set(a), set(b)\nn ="), "set"),
        (F1.replace("sum((Counter(a) & Counter(b)).values())", "len(set(a) & set(b))"), "set|twice"),
        (F1.replace("sum((Counter(a) & Counter(b)).values())", "sum(t in b for t in a)"), "[Aa] repeated token"),
        (F1.replace("sum((Counter(a) & Counter(b)).values())", "sum(t in a for t in b)"), "[Aa] repeated token"),
        (F1.replace("2 * p * r / (p + r)", "p"), "recall"),
        (F1.replace("2 * p * r / (p + r)", "r"), "precision"),
        (F1.replace("2 * p * r / (p + r)", "(p + r) / 2"), "plain mean|harmonic"),
        (F1.replace("2 * p * r / (p + r)", "p * r / (p + r)"), "factor 2|2 ·|twice"),
        (F1.replace("2 * p * r / (p + r)", "p * r"), "harmonic|p \\+ r|product"),
        (F1.replace("2 * p * r / (p + r)", "(p * r) ** 0.5"), "harmonic|plain mean"),
        (F1.replace("2 * p * r / (p + r)", "n / (len(a) + len(b) - n)"), "union|Jaccard"),
        (F1.replace(" if n else 0.0", ""), "divide by zero"),
        (F1.replace("return ", "if not a: return 1.0\nreturn "), "[Ee]mpty answer"),
        (F1.replace(".lower()", ""), "lower case"),
        (F1.replace("answer.lower()", "answer"), "lower case"),
        (F1.replace("sum((Counter(a) & Counter(b)).values())", "sum(x == y for x, y in zip(a, b))"), "order|place"),
        (F1.replace("sum((Counter(a) & Counter(b)).values())", "sum(t in accepted.lower() for t in a)"), "whole tokens|repeated"),
        (F1.replace("answer.lower().split(), accepted.lower().split()", "list(answer.lower()), list(accepted.lower())"),
         "letters|tokens|characters"),
        (F1.replace(".split()", ".replace('.', '').split()"), "[Pp]unctuation"),
        ("round(ref(answer, accepted), 2)", "round"),
        ("float(accepted.lower() in answer.lower())", "share|precision"),
        ("100 * ref(answer, accepted)", "between 0 and 1|percent"),
        (F1.replace("p, r = ", "p, r = n, n\np, r = ").replace("2 * p * r / (p + r) if n else 0.0", "n"), "count|share"),
    ],
    "cluster_mean": [
        ("of = {c: [v for v, k in zip(values, clusters) if k == c] for c in clusters}\n"
         "return sum(sum(of[d]) / len(of[d]) for d in drawn) / len(drawn)", "cluster means"),
        (MEAN.replace("in drawn", "in set(drawn)"), "counts twice"),
        ("t = [v for v, c in zip(values, clusters) if c in drawn]\nreturn sum(t) / len(t)", "counts twice"),
        ("sum(values) / len(values)", "drawn"),
        (MEAN.replace("len(t)", "len(drawn)"), "divide by"),
        (MEAN.replace("len(t)", "len(values)"), "divide by"),
        ("of = dict(zip(clusters, values))\nreturn sum(of[d] for d in drawn) / len(drawn)",
         "all (of )?its questions|every question"),
        ("t = [values[clusters.index(d)] for d in drawn]\nreturn sum(t) / len(t)", "all (of )?its questions|every question"),
        (MEAN.replace("return sum(t) / len(t)", "return statistics.median(t)"), "median"),
        (MEAN.replace("return sum(t) / len(t)", "return sum(t)"), "mean|divide"),
        ("of = {c: [v for v, _ in g] for c, g in itertools.groupby(zip(values, clusters), lambda p: p[1])}\n"
         "t = [v for d in drawn for v in of[d]]\nreturn sum(t) / len(t)", "next to each other|scattered|stand together"),
        ("t = []\nfor d in drawn:\n    i = clusters.index(d)\n    t += values[i:i + clusters.count(d)]\nreturn sum(t) / len(t)",
         "next to each other|scattered|stand together"),
        ("t = [values[i] for i, d in enumerate(drawn)]\nreturn sum(t) / len(t)", "drawn"),
        (MEAN.replace("sum(t) / len(t)", "round(sum(t) / len(t), 2)"), "round"),
        (MEAN.replace("if c == d", "if c != d"), "drawn"),
        ("t = [v for v, c in zip(values, clusters) if c == drawn[0]]\nreturn sum(t) / len(t)", "drawn|every"),
        ("n = ref(values, clusters, drawn)\ndrawn.sort(reverse=True)\ndrawn.pop()\nreturn n", "changes its argument `drawn`"),
        ("import random\nt = [v for d in random.choices(clusters, k=len(drawn)) for v, c in zip(values, clusters) if c == d]\n"
         "return sum(t) / len(t)", "drawn|second call"),
        ("t = [v for d in drawn for v, c in zip(values, clusters) if c == d]\nreturn t", "list where a float"),
    ],
    "break_even": [
        ("fixed_b / (each_a - each_b) if each_a > each_b else (0.0 if fixed_b <= fixed_a and each_b <= each_a else None)",
         "difference of the fixed"),
        (EVEN.replace("(fixed_b - fixed_a)", "(fixed_b + fixed_a)"), "difference of the fixed"),
        (EVEN.replace("(each_a - each_b) if", "each_a if"), "saving|difference"),
        (EVEN.replace("(each_a - each_b) if", "each_b if"), "saving|difference"),
        (EVEN.replace("(fixed_b - fixed_a)", "(fixed_a - fixed_b)"), "sign|negative|minus"),
        ("(fixed_b - fixed_a) / (each_a - each_b) if each_a != each_b else None", "None|0.0"),
        ("n = (fixed_b - fixed_a) / (each_a - each_b) if each_a != each_b else -1.0\n"
         "return 0.0 if fixed_b <= fixed_a and each_b <= each_a else n if n > 0 else None", "only for few|does not stay"),
        (EVEN.replace("return 0.0", "return None"), "from the start"),
        (EVEN.replace("else None", "else 0.0"), "return None"),
        (EVEN.replace("else None", "else float('inf')"), "return None"),
        (EVEN.replace("(fixed_b - fixed_a) / (each_a - each_b)", "math.ceil((fixed_b - fixed_a) / (each_a - each_b))"), "round"),
        (EVEN.replace("(fixed_b - fixed_a) / (each_a - each_b)", "round((fixed_b - fixed_a) / (each_a - each_b))"), "round"),
        (EVEN.replace("(fixed_b - fixed_a) / (each_a - each_b)", "(fixed_b - fixed_a) // (each_a - each_b)"), "round|//"),
        (EVEN.replace("fixed_b <= fixed_a and each_b <= each_a", "fixed_b < fixed_a and each_b < each_a"),
         "[Bb]oth cost the same|no more"),
        (EVEN.replace("fixed_b <= fixed_a and each_b <= each_a", "fixed_b <= fixed_a"), "only for few|does not stay"),
        (EVEN.replace("fixed_b <= fixed_a and each_b <= each_a", "each_b <= each_a"), "pays back"),
        (EVEN.replace("if each_a > each_b", "if each_a >= each_b"), "[Ww]ithout dividing|[Dd]ivision|divide"),
        (EVEN.replace("if fixed_b <= fixed_a and each_b <= each_a: return 0.0\n", ""), "from the start|0.0"),
        ("ref(fixed_b, each_b, fixed_a, each_a)", "option b|pays back"),
        (EVEN.replace("(fixed_b - fixed_a) / (each_a - each_b)", "(fixed_b - fixed_a) / (each_a - each_b) + 1"), "no more"),
    ],
    "swings": [
        (SWING.replace("-abs(row[2] - row[1])", "row[1] - row[2]"), "absolute"),
        (SWING.replace("-abs(row[2] - row[1])", "abs(row[2] - row[1])"), "widest first"),
        (SWING.replace("-abs(row[2] - row[1])", "-max(row[1:])"), "not by the larger|absolute swing"),
        (SWING.replace("-abs(row[2] - row[1])", "row[0]"), "widest first"),
        (SWING.replace("-abs(row[2] - row[1])", "-abs(ranges[row[0]][1] - ranges[row[0]][0])"), "assumption's width"),
        (SWING.replace("-abs(row[2] - row[1])", "-max(abs(row[1] - result()), abs(row[2] - result()))"),
         "from today|how far apart"),
        (SWING.replace("return sorted(rows, key=lambda row: -abs(row[2] - row[1]))", "return rows"), "widest first"),
        ("now, rows = {}, []\nfor n, (low, high) in ranges.items():\n"
         "    rows.append((n, result(**now, **{n: low}), result(**now, **{n: high})))\n"
         "    now[n] = high\nreturn sorted(rows, key=lambda row: -abs(row[2] - row[1]))", "moves alone"),
        ("rows = [(n, result(**{m: r[0] if m != n else low for m, r in ranges.items()}), result(**{m: r[0] if m != n else high"
         " for m, r in ranges.items()})) for n, (low, high) in ranges.items()]\n"
         "return sorted(rows, key=lambda row: -abs(row[2] - row[1]))", "moves alone"),
        (SWING.replace("result(**{n: low}), result(**{n: high})", "result(**{n: high}), result(**{n: low})"),
         "low end.* high end"),
        (SWING.replace("(n, result(**{n: low}), result(**{n: high}))", "(n, *sorted([result(**{n: low}), result(**{n: high})]))"),
         "lower the result|keep the order"),
        (SWING.replace("result(**{n: low}), result(**{n: high})", "low, high"), "result at|call"),
        (SWING.replace("result(**{n: low}), result(**{n: high})", "result(low), result(high)"), "by name"),
        (SWING.replace("return sorted", "return dict((a, (b, c)) for a, b, c in rows)\nreturn sorted"), "dict where a list"),
        (SWING.replace("(n, result(**{n: low}), result(**{n: high}))",
         "(n, result(**{n: low}) - result(), result(**{n: high}) - result())"),
         "minus today|not the change"),
        ("[(n, abs(h - l)) for n, l, h in ref(result, ranges)]", "low end.* high end|three"),
        ("[n for n, *_ in ref(result, ranges)]", "str where a tuple"),
        ("[r for r in ref(result, ranges) if r[1] != r[2]]", "[Nn]o effect|stays|every"),
        (SWING.replace("result(**{n: low})", "result()"), "low end"),
        ("r = ref(result, ranges)\nranges.clear()\nreturn r", "changes its argument `ranges`"),
        ("result(**ranges)", "TypeError"),
    ],
    "expected_regret": [
        ("m = [sum(c) / len(c) for c in zip(*values)]\nreturn [max(m) - x for x in m]", "best option of each draw"),
        (REGRET.replace(" / len(values)", ""), "average|mean"),
        (REGRET.replace("max(row) - row[i]", "row[i] - max(row)"), "minus the option|sign"),
        ("[statistics.median(max(row) - row[i] for row in values) for i in range(len(values[0]))]", "median"),
        ("[max(max(row) - row[i] for row in values) for i in range(len(values[0]))]", "worst|mean"),
        ("top = max(max(row) for row in values)\n"
         "return [sum(top - row[i] for row in values) / len(values) for i in range(len(values[0]))]",
         "each draw"),
        (REGRET.replace("/ len(values)", "/ len(values[0])"), "number of draws"),
        (REGRET.replace("max(row)", "min(row)"), "best"),
        (REGRET.replace("max(row)", "sorted(row)[-2]"), "best|second"),
        (REGRET.replace("max(row)", "max(map(abs, row))"), "smallest loss|losses"),
        ("[(max(row) - min(row)) for row in values]", "each option"),
        ("[sum(max(row) - v for v in row) / len(row) for row in values]", "each option"),
        ("[sum(row[i] == max(row) for row in values) / len(values) for i in range(len(values[0]))]", "how much|how often"),
        ("[sum(row[i] != max(row) for row in values) / len(values) for i in range(len(values[0]))]", "how much|how often"),
        ("[sum(row[i] for row in values) / len(values) for i in range(len(values[0]))]", "minus|regret is"),
        ("[[max(row) - v for v in row] for row in values]", "list where a float|average|mean"),
        ("n = " + REGRET + "\nreturn [round(x, 2) for x in n]", "round"),
        ("n = " + REGRET + "\nreturn sum(n) / len(n)", "float where a list"),
        (REGRET.replace("max(row) - row[i]", "(max(row) - row[i]) ** 2"), "square"),
        (REGRET.replace("max(row) - row[i]", "(max(row) - row[i]) / max(row)"), "relative|share"),
        ("n = " + REGRET + "\nfor row in values: row.sort()\nreturn n", "changes its argument `values`"),
        ("n = " + REGRET + "\nreturn [x - min(n) for x in n]", "no regret|best on average|each draw|all mean regrets"),
        ("(values.max(axis=1)[:, None] - values).mean(axis=0)", "AttributeError"),
    ],
}

RIGHT = {
    "token_f1": [
        "numpy.float64(ref(answer, accepted))",
        "b = accepted.lower().split()\na, n = answer.lower().split(), 0\nsize = len(a) + len(b)\n"
        "for t in a:\n    if t in b:\n        b.remove(t)\n        n += 1\nreturn 2 * n / size if n else 0",
        "a, b = answer.casefold().split(' '), accepted.casefold().split(' ')\n"
        "n = sum(min(a.count(t), b.count(t)) for t in set(a))\nreturn 2 * n / (len(a) + len(b))",
    ],
    "cluster_mean": [
        "numpy.mean([v for d in drawn for v, c in zip(values, clusters) if c == d])",
        "n = Counter(drawn)\nw = [n[c] for c in clusters]\nreturn sum(v * x for v, x in zip(values, w)) / sum(w)",
        "numpy.average(values, weights=[drawn.count(c) for c in clusters])",
        "statistics.mean(v for d in drawn for v, c in zip(values, clusters) if c == d)",
    ],
    "break_even": [
        "if each_a > each_b: return max(0.0, (fixed_b - fixed_a) / (each_a - each_b))\n"
        "return 0 if each_a == each_b and fixed_b <= fixed_a else None",
        "n = ref(fixed_a, each_a, fixed_b, each_b)\nreturn n if n is None else numpy.float64(n)",
        "if each_b > each_a: return None\nif fixed_b <= fixed_a: return 0\n"
        "return None if each_a == each_b else (fixed_a - fixed_b) / (each_b - each_a)",
    ],
    "swings": [
        "[list(row) for row in ref(result, ranges)]", "tuple(ref(result, ranges))",
        "[(n, numpy.float64(a), numpy.float64(b)) for n, a, b in ref(result, ranges)]",
        "rows = []\nfor n in ranges: rows.append((n, *[result(**{n: end}) for end in ranges[n]]))\n"
        "rows.sort(key=lambda r: abs(r[1] - r[2]), reverse=True)\nreturn rows",
    ],
    "expected_regret": [
        "v = numpy.array(values)\nreturn (v.max(axis=1, keepdims=True) - v).mean(axis=0)",
        "tuple(ref(values))", "v = numpy.array(values)\nreturn list(v.max(axis=1).mean() - v.mean(axis=0))",
        "[statistics.fmean(max(r) - r[i] for r in values) for i, _ in enumerate(values[0])]",
    ],
}
