"""Every argument that the project passes to TRL, transformers, PEFT, Chroma and their kin exists in the installed version."""
from __future__ import annotations

import pytest

from tests.drift import drift
from utils import settings

FORWARDS = "def run(kind, folder, **more):\n    return kind(folder, num_train_epochs=1, **more)\n"


def test_every_argument_is_one_that_the_installed_libraries_take():
    found, unknown = drift(settings.ROOT)
    assert found == []
    assert unknown == set(), "these calls end in **kwargs: name in drift.BEHIND what takes the argument"


@pytest.mark.parametrize(("code", "told"), [
    ("import chromadb\nchromadb.PersistentClient('x', setings=1)", "a.py:2: chromadb.PersistentClient takes no argument setings"),
    ("import chromadb\nchromadb.PersistantClient('x')", "a.py:2: there is no chromadb.PersistantClient"),
    ("def f():\n    from datasets import Datasets\n    return Datasets.from_list([])", "a.py:3: there is no Datasets.from_list"),
    ("import peft\npeft.LoraConfig(**{'rank': 8})", "a.py:2: peft.LoraConfig takes no argument rank"),
    ("from transformers import AutoTokenizer as T\nT.from_pretrained('x', paddingside='left')", "takes no argument paddingside"),
    ("def f(collection):\n    collection.query(query_embeddings=[], k=3)", "a.py:2: collection.query takes no argument k"),
    (FORWARDS + "import transformers\nrun(transformers.TrainingArguments, 'x', warmup=1)", ":4: run takes no argument warmup"),
    (FORWARDS + "import peft as p\ndef f(a):\n    kind, _ = (p.LoraConfig, 1) if a else (p.IA3Config, 2)\n    run(kind, 'x')",
     "a.py:6: run takes no argument num_train_epochs"),
])
def test_a_planted_offence_is_named_with_its_place(tmp_path, code, told):
    (tmp_path / "utils").mkdir()
    (tmp_path / "utils" / "a.py").write_text(code)
    found, _ = drift(tmp_path)
    assert any(told in sentence for sentence in found), found


def test_an_argument_that_only_a_keyword_signature_may_take_is_listed_as_unknown(tmp_path):
    (tmp_path / "utils").mkdir()
    (tmp_path / "utils" / "a.py").write_text("import transformers\ntransformers.pipeline('x', riddle=1)")
    assert drift(tmp_path) == ([], {"transformers.pipeline(riddle)"})
