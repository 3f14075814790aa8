"""Prints the figures on the reading questions that `data/README.md` holds: `python -m data.build.reading_figures`."""
from __future__ import annotations

import json
import random
import re
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence

from utils import settings
from utils.text import content_words

from .lab2 import FIRST_READING
from .reading_questions import named_documents, reading_rows
from .templates import word_overlap

TASKS = ("fact", "error", "routing", "list", "unanswerable")
SIZE, DRAWS = 236, 20  # the nearest neighbour gets nearer in a larger set, so sets of one size are compared
KINDS = {  # of services; all others are management and business
    "security":
        "accessanalyzer acm auditmanager cloudhsmv2 cognito-identity cognito-idp cognito-sync "
        "continuum ds fms guardduty iam identitystore inspector2 macie2 payment-cryptography "
        "payment-cryptography-data pca-connector-ad ram rolesanywhere securitylake shield signer "
        "sso-admin sts verifiedpermissions waf",
    "network":
        "apigateway apigatewayv2 arc-region-switch arc-zonal-shift cloudfront directconnect elbv2 "
        "globalaccelerator groundstation internetmonitor networkmanager route53 route53profiles "
        "route53resolver rtbfabric servicediscovery",
    "compute":
        "apprunner appstream autoscaling batch braket ecr ecr-public ecs eks lambda-core "
        "lambda-microvms lambda-web lightsail m2 outposts snowball workspaces-web",
    "storage and databases":
        "backup clouddirectory dax dms docdb efs elasticache fsx keyspaces managedblockchain memorydb "
        "neptune neptune-graph odb rds rds-data redshift s3 s3control s3tables s3vectors "
        "storagegateway timestream-query timestream-write",
    "analytics":
        "amp appflow athena b2bi cleanrooms cleanroomsml cloudsearch databrew datapipeline emr "
        "emr-containers emr-serverless entityresolution es firehose glue grafana kafka kafkaconnect "
        "kinesisanalyticsv2 lakeformation opensearch opensearchserverless",
    "machine learning and health":
        "bedrock bedrock-agentcore comprehend comprehendmedical connecthealth elementalinference "
        "forecast healthlake kendra machinelearning medical-imaging omics personalize polly qconnect "
        "rekognition sagemaker-geospatial textract transcribe voice-id",
    "media and messages":
        "chatbot chime-sdk-media-pipelines chime-sdk-meetings chime-sdk-messaging chime-sdk-voice "
        "connectcases endusermessaging events ivs ivs-realtime kinesisvideo mediaconnect mediaconvert "
        "medialive mediapackage mediapackagev2 mediastore mq notifications pinpoint-email ses sesv2 "
        "socialmessaging",
    "development and devices":
        "agent-registry-control amplify amplifybackend amplifyuibuilder appconfig appfabric appsync "
        "cloudformation codeartifact codebuild codecatalyst codecommit codeconnections "
        "codeguru-reviewer codeguruprofiler codepipeline codestar-connections devicefarm devops-agent "
        "iot iot-managed-integrations iottwinmaker location mwaa-serverless scheduler swf synthetics",
}


def sets_of_questions() -> dict[str, list[dict]]:
    """The first and the later reading questions, and those of the benchmark that people wrote."""
    rows = reading_rows()
    benchmark = [json.loads(line) for line in settings.QUESTIONS.read_text("utf-8").splitlines()]
    return {"first 236": [row for row in rows if re.fullmatch(FIRST_READING, row["id"])],
            "other 3,150": [row for row in rows if not re.fullmatch(FIRST_READING, row["id"])],
            "benchmark": [row for row in benchmark if not row["family"].startswith("template_") and row["family"] != "seen_fact"]}


def table(head: Sequence[str], rows: Sequence[Sequence]) -> str:
    """A table in Markdown."""
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in (head, ["---"] * len(head), *rows))


def counts(sets: dict[str, list[dict]]) -> str:
    """Questions by task, length in words (median, tenth to ninetieth percentile) and the held-out ones."""
    held_out = [row for row in sets["other 3,150"] if row.get("held_out")]
    rows = []
    for name, own in {**sets, "of these, held out": held_out}.items():
        tasks = Counter({"multi_doc": "list"}.get(row["task"], row["task"]) for row in own)
        tenths = statistics.quantiles([len(row["question"].split()) for row in own], n=10)
        rows.append((name, *(tasks[task] for task in TASKS), len(own), f"{tenths[4]:.0f} ({tenths[0]:.0f}–{tenths[8]:.0f})"))
    rows.insert(2, rows.pop())
    return table(("questions", *TASKS, "all", "words"), rows)


def kinds_of_services(sets: dict[str, list[dict]]) -> str:
    """Services and questions by kind of service."""
    kind_of = {service: kind for kind, names in KINDS.items() for service in names.split()}
    services: dict[str, Counter] = {kind: Counter() for kind in (*KINDS, "management and business")}
    for row in sets["first 236"] + sets["other 3,150"]:
        service = row["document"].partition(".")[0]
        services[kind_of.get(service, "management and business")][service] += 1
    return table(("kind of service", "services", "questions"), [(kind, len(own), own.total()) for kind, own in services.items()])


def nearest(sets: dict[str, list[dict]]) -> str:
    """Word overlap of a question with its nearest neighbour in a random set of `SIZE`, and with dev and test."""
    asked = [content_words(row["question"]) for row in sets["benchmark"] if row["split"] in ("dev", "test")]
    draw, rows = random.Random(0), []
    for name, own in sets.items():
        bags = [content_words(row["question"]) for row in own]
        within = [max(_closest(bags, draw.sample(range(len(bags)), SIZE))) for _ in range(DRAWS)]
        closest = [x for _ in range(DRAWS) for x in _closest(bags, draw.sample(range(len(bags)), SIZE))]
        outside = "" if name == "benchmark" else f"{max(len(a & b) / len(a | b) for a in bags for b in asked):.2f}"
        rows.append((name, f"{statistics.mean(closest):.2f}", f"{statistics.mean(within):.2f}", outside))
    return table(("questions", "nearest of 236, mean", "nearest of 236, largest", "nearest of dev and test, largest"), rows)


def _closest(bags: Sequence[set[str]], chosen: Sequence[int]) -> Iterator[float]:
    own = [bags[i] for i in chosen]
    for i, bag in enumerate(own):
        yield max(len(bag & other) / max(1, len(bag | other)) for j, other in enumerate(own) if i != j)


def overlaps(sets: dict[str, list[dict]]) -> str:
    """Classes of word overlap with the evidence, as in the benchmark, in percent of the answerable questions."""
    rows = []
    for name, own in sets.items():
        levels = [row.get("overlap") for row in own if row["task"] != "unanswerable"]
        if name != "benchmark":
            own = [row for row in own if row["task"] != "unanswerable"]
            sections = {document.id: [section.text for section in document.sections] for document in named_documents(own)}
            levels = [word_overlap(row["question"], (text for id_, _ in row["sentences"] for text in sections[id_]))
                      for row in own]
        classes = Counter(levels)
        rows.append((name, *(f"{100 * classes[level] / len(levels):.0f}" for level in ("low", "mid", "high"))))
    return table(("percent of the answerable ones", "low", "mid", "high"), rows)


if __name__ == "__main__":
    every = sets_of_questions()
    for part in (counts, kinds_of_services, nearest, overlaps):
        print(part(every), end="\n\n", flush=True)
