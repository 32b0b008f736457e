"""The command `llm`, with the server as one of its models."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from common import BASE, MODEL, TOKEN

with tempfile.TemporaryDirectory() as folder:
    os.environ["LLM_USER_PATH"] = folder
    Path(folder, "extra-openai-models.yaml").write_text(
        f"- model_id: penjing\n  model_name: {MODEL}\n  api_base: {BASE}\n  api_key_name: penjing\n"
    )
    Path(folder, "keys.json").write_text(f'{{"penjing": "{TOKEN}"}}')
    llm = str(Path(sys.executable).parent / "llm")
    asked = ["-m", "penjing", "-o", "max_tokens", "16", "What is the capital of France?"]
    for more in ((), ("--no-stream",)):
        done = subprocess.run(
            [llm, *asked, *more],
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert "Paris" in done.stdout, done
