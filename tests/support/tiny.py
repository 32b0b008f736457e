"""Tiny models for tests: a trained tokenizer, random weights, everything in a folder or in memory.

`folder` builds with transformers and tokenizers (independent of Penjing, slow to import);
`checkpoint` builds in memory with numpy alone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from penjing.bundle.gguf_values import Value, ValueKind
from penjing.workshop.architectures import architecture
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.metadata import read_config
from penjing.workshop.tensors import TensorSource

SENTENCES = (
    "The pine tree on the rock is small because somebody has pruned it for 300 years.",
    "In 1842 there were 17 of them; today there are 20,431.",
    "It's what we've done, they'll say, and I'm sure you'd agree.",
    "盆景是中国传统的艺术，树木虽小，却生机勃勃。今天有3个盆景。",
    "def prune(tree):\n    return [leaf for leaf in tree if leaf.alive]\n",
    "Größe, café, naïve, Ελλάδα, Россия, हिन्दी, 日本語、한국어.",
    "the the the small small tree tree tree tree    four spaces\t\ttabs\n\n\nlines",
    "🌲🌲🌳 emoji 👩‍👩‍👧‍👦 and 🇨🇳 flags 🚀🚀",
)

TEXTS = (
    "The small tree is 1234567890 years old.",
    "3 33 333 3333 3.14 -7e10 1,000,000",
    "盆景今天3个，日本語 한국어 हिन्दी",
    "🌲🚀👩‍👩‍👧‍👦🇨🇳 mixed 😶‍🌫️ text",
    " leading, trailing ",
    "a  b   c    d\t\te\n\nf\n \n  g\r\n\r\nh",
    "          ",
    "\n\n\n\t\t\t \n",
    "I'VE they'll it's 'twas 'RE don'T",
    "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n",
    "x<|im_end|>  y <|im_start|>",
    "ünïcödé e\u0301 \u00a0nbsp \u200bzero \ufffd",
    "~!@#$%^&*()_+`-=[]{}|;':\",./<>?\\",
    "x",
    "tree" * 20,
)
"""Digits, CJK, emoji, special tokens, whitespace runs."""

MARKERS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
_TAIL = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_CASES = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*",
)
_SLASHES = r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_ENDING = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
REGEX = {
    "llama-bpe": _CONTRACTIONS + r"\p{N}{1,3}" + _TAIL,
    "dbrx": _CONTRACTIONS + r"\p{N}{1,3}" + _TAIL,
    "tekken": "|".join(_CASES) + r"|\p{N}" + _SLASHES,
    "gpt-4o": "|".join(each + _ENDING for each in _CASES) + r"|\p{N}{1,3}" + _SLASHES,
    "qwen2": _CONTRACTIONS + r"\p{N}" + _TAIL,
}


def byte_level_tokenizer(pre: str, size: int = 600) -> Any:
    """A byte-level BPE tokenizer that cuts text as `pre` does, trained on SENTENCES.

    It is trained on uncut text, so that it has merges across every boundary: cutting in another
    place gives other tokens.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(ignore_merges=pre in ("llama-bpe", "tekken")))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(MARKERS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=6,
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pre not in REGEX)
    first: list[pre_tokenizers.PreTokenizer] = []
    if pre == "smollm":
        first = [pre_tokenizers.Digits(individual_digits=True)]
    if pre in REGEX:
        first = [pre_tokenizers.Split(Regex(REGEX[pre]), "isolated", invert=False)]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*first, byte_level]) if first else byte_level
    if pre == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def sentencepiece_tokenizer(size: int = 700, *, space_prefix: bool = False) -> Any:
    """A Gemma-like tokenizer: pieces with an order, all pairs of each, byte fallback."""
    from tokenizers import (
        AddedToken,
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        trainers,
    )
    from tokenizers import processors as post

    trained = Tokenizer(models.BPE())
    trained.normalizer = normalizers.Replace(" ", "▁")
    trainer = trainers.BpeTrainer(vocab_size=size - 270, max_token_length=6, show_progress=False)
    trained.train_from_iterator([s.replace("\n", " ") for s in SENTENCES], trainer)
    learned = sorted(trained.get_vocab().items(), key=lambda item: item[1])
    # Gemma has runs of newlines and spaces as added tokens
    runs = ["\n" * n for n in range(1, 6)] + ["▁" * n for n in range(2, 8)]
    runs = [] if space_prefix else runs
    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>", *runs]
    # as in Gemma's own file, the tab stands where <0x09> would
    pieces += ["\t" if byte == 9 else f"<0x{byte:02X}>" for byte in range(256)]
    pieces += [text for text, _ in learned if text not in pieces and "\t" not in text]
    vocab = {piece: number for number, piece in enumerate(pieces)}
    merges = _all_merges(vocab, runs)
    tokenizer = Tokenizer(
        models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    )
    replace = normalizers.Replace(" ", "▁")
    tokenizer.normalizer = (
        normalizers.Sequence([normalizers.Prepend("▁"), replace]) if space_prefix else replace
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous", invert=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    tokenizer.add_special_tokens([AddedToken(p, normalized=False) for p in pieces[:6]])
    tokenizer.add_tokens([AddedToken(run, normalized=False) for run in runs])
    tokenizer.post_processor = post.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A $B", special_tokens=[("<bos>", vocab["<bos>"])]
    )
    return tokenizer


def _all_merges(vocab: dict[str, int], runs: list[str]) -> list[tuple[str, str]]:
    """Every pair that makes a piece, best piece first: how transformers' converter writes them."""
    pairs = [
        (0 if piece in runs else -number, piece[:cut], piece[cut:])
        for piece, number in vocab.items()
        for cut in range(1, len(piece))
        if piece[:cut] in vocab and piece[cut:] in vocab
    ]
    pairs.sort(key=lambda pair: (pair[0], len(pair[1]), len(pair[2])), reverse=True)
    return [(left, right) for _, left, right in pairs]


PRE = {
    "llama": "smollm",
    "smollm3": "llama-bpe",
    "granite": "smollm",
    "qwen2": "qwen2",
    "qwen3": "qwen2",
    "olmo2": "dbrx",
    "phi3": "llama-spm",
    "gemma2": "gemma",
    "gemma3": "gemma",
}
"""Which way of cutting each family's test model has."""


def save_tokenizer(folder: Path, pre: str) -> int:
    """Write tokenizer.json and its neighbours; gives how many tokens there are."""
    if pre in ("gemma", "llama-spm"):
        tokenizer = sentencepiece_tokenizer(space_prefix=pre == "llama-spm")
        settings = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>"}
    else:
        tokenizer = byte_level_tokenizer(pre)
        settings = {"bos_token": MARKERS[0], "eos_token": MARKERS[2]}
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings |= {"chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return int(tokenizer.get_vocab_size())


def transformers() -> Any:
    """The transformers package, kept quiet."""
    import transformers as hf

    hf.utils.logging.disable_progress_bar()
    return hf


def hf_config(family: str, vocab: int, **changes: Any) -> Any:
    """A transformers config of a model with 3 layers, 4 heads on 2 key heads and odd sizes."""
    hf = transformers()
    common: dict[str, Any] = {
        "vocab_size": vocab, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512,
        "tie_word_embeddings": family in ("qwen2", "gemma3"),
    }  # fmt: skip
    if family == "llama":
        common["rope_parameters"] = {"rope_type": "default", "rope_theta": 5000.0}
        return hf.LlamaConfig(**(common | changes))
    if family == "granite":
        scales = {
            "attention_multiplier": 0.11, "embedding_multiplier": 3.0,
            "residual_multiplier": 0.4, "logits_scaling": 1.7,
        }  # fmt: skip
        return hf.GraniteConfig(**(common | scales | changes))
    if family == "gemma2":
        gemma: dict[str, Any] = {
            "head_dim": 32, "query_pre_attn_scalar": 32, "sliding_window": 8,
            "attn_logit_softcapping": 2.0, "final_logit_softcapping": 9.0,
            "tie_word_embeddings": True,
        }  # fmt: skip
        return hf.Gemma2Config(**(common | gemma | changes))
    if family == "smollm3":
        common |= {"pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 2}
        return hf.SmolLM3Config(**(common | changes))
    if family == "qwen2":
        common["rope_parameters"] = {"rope_type": "default", "rope_theta": 1e6}
        return hf.Qwen2Config(**(common | changes))
    if family == "olmo2":
        common |= {"pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 2}
        return hf.Olmo2Config(**(common | changes))
    if family == "phi3":
        common |= {"pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 2}
        return hf.Phi3Config(**(common | changes))
    if family == "qwen3":
        return hf.Qwen3Config(**(common | {"head_dim": 32} | changes))
    gemma = {
        "head_dim": 32, "query_pre_attn_scalar": 32, "sliding_window": 8,
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
    }  # fmt: skip
    return hf.Gemma3TextConfig(**(common | gemma | changes))


def hf_model(config: Any, seed: int = 0) -> Any:
    """A transformers model with random weights, norms and biases that are far from their start."""
    import torch

    hf = transformers()
    torch.manual_seed(seed)
    kinds = {
        "llama": hf.LlamaForCausalLM, "qwen2": hf.Qwen2ForCausalLM, "qwen3": hf.Qwen3ForCausalLM,
        "smollm3": hf.SmolLM3ForCausalLM, "granite": hf.GraniteForCausalLM,
        "gemma2": hf.Gemma2ForCausalLM, "olmo2": hf.Olmo2ForCausalLM, "phi3": hf.Phi3ForCausalLM,
        "gemma3_text": hf.Gemma3ForCausalLM,
    }  # fmt: skip
    model = kinds[config.model_type](config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            norm = "norm" in name
            start = 1.0 if norm and config.model_type not in ("gemma2", "gemma3_text") else 0.0
            weight.normal_(start, 0.3 if norm or name.endswith("bias") else 0.12)
    return model


def folder(path: Path, family: str, *, pre: str | None = None, **changes: Any) -> Path:
    """A Hugging Face folder saved by transformers."""
    rows = save_tokenizer(path, pre or PRE[family])
    hf_model(hf_config(family, rows + 5, **changes)).save_pretrained(path)
    return path


def hf_logits(path: Path, tokens: list[int]) -> np.ndarray[Any, Any]:
    """What transformers computes in float32: logits [len(tokens), vocabulary]."""
    import torch

    hf = transformers()
    model = hf.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
    with torch.no_grad():
        return model(torch.tensor([tokens])).logits[0].numpy()


def checkpoint(
    family: str = "llama", *, hidden: int = 64, ffn: int = 96, layers: int = 2, seed: int = 0,
    vocab: int = 0,
) -> Checkpoint:  # fmt: skip
    """A model in memory: 4 heads on 2, bytes as tokens; needs nothing but numpy.

    A larger `vocab` is filled up with tokens that no text has.
    """
    metadata = _numbers(family, hidden, ffn, layers) | _byte_tokenizer(vocab)
    rows = len(metadata["tokenizer.ggml.tokens"].data)
    known = architecture(family)
    config = read_config(known, metadata, {"token_embd.weight": (rows, hidden)})
    noise = np.random.default_rng(seed)
    tensors = {}
    for name, kind, _ in known.expected(layers):
        if kind.optional:
            continue
        weights = noise.normal(0, 0.12, kind.dimensions(config))
        weights += 1.0 if "norm" in name else 0.0
        tensors[name] = TensorSource.of(name, weights.astype(np.float32))
    return Checkpoint.of(f"tiny-{family}", metadata, tensors)


def _numbers(family: str, hidden: int, ffn: int, layers: int) -> dict[str, Value]:
    counts = {
        "block_count": layers, "context_length": 512, "embedding_length": hidden,
        "feed_forward_length": ffn, "attention.head_count": 4, "attention.head_count_kv": 2,
        "attention.key_length": hidden // 4, "attention.value_length": hidden // 4,
        "rope.dimension_count": hidden // 4,
    }  # fmt: skip
    reals = {"attention.layer_norm_rms_epsilon": 1e-5, "rope.freq_base": 10000.0}
    if family == "granite":
        reals |= {"attention.scale": 0.2, "embedding_scale": 2.5}
        reals |= {"residual_scale": 0.6, "logit_scale": 0.7}
    if family == "gemma2":
        reals |= {"attn_logit_softcapping": 1.5, "final_logit_softcapping": 2.0}
    if family in ("gemma2", "gemma3"):
        counts["attention.sliding_window"] = 8
    out = {
        "general.architecture": Value.text(family),
        # of a name like Phi-3 the engine wants tokens that a byte tokenizer has not
        "general.name": Value.text("tiny " + family.replace("phi3", "phi 3")),
    }
    out |= {f"{family}.{key}": Value(ValueKind.UINT32, n) for key, n in counts.items()}
    return out | {f"{family}.{key}": Value(ValueKind.FLOAT32, x) for key, x in reals.items()}


def _byte_tokenizer(vocab: int) -> dict[str, Value]:
    """GPT-2's letters for the 256 bytes, one merge, three markers; others up to `vocab`."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    letters = {byte: chr(byte) for byte in shown}
    letters |= {byte: chr(256 + place) for place, byte in enumerate(hidden)}
    tokens = [*MARKERS, *(letters[byte] for byte in range(256)), "he"]
    tokens += [f"<unused{place}>" for place in range(len(tokens), vocab)]
    types = [3] * 3 + [1] * 257 + [5] * (len(tokens) - 260)
    return {
        "tokenizer.ggml.model": Value.text("gpt2"),
        "tokenizer.ggml.pre": Value.text("smollm"),
        "tokenizer.ggml.tokens": Value.array(ValueKind.STRING, tokens),
        "tokenizer.ggml.token_type": Value.array(ValueKind.INT32, types),
        "tokenizer.ggml.merges": Value.array(ValueKind.STRING, ["h e"]),
        "tokenizer.ggml.bos_token_id": Value(ValueKind.UINT32, 0),
        "tokenizer.ggml.eos_token_id": Value(ValueKind.UINT32, 2),
        "tokenizer.ggml.add_bos_token": Value(ValueKind.BOOL, False),
        "tokenizer.chat_template": Value.text(TEMPLATE),
    }
