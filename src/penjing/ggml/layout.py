"""The C structs of llama.h and ggml.h (as of b11549) and the functions we call, as data.

A wrong layout reads garbage without complaint, so `library.load` compares the default parameters
the library returns with the values its source promises, and refuses any other.
"""

from __future__ import annotations

import ctypes as c

GGML_MAX_DIMS = 4
GGML_MAX_SRC = 10
GGML_MAX_OP_PARAMS = 64
GGML_MAX_NAME = 64


class ModelParams(c.Structure):
    """`struct llama_model_params`."""

    _fields_ = (
        ("devices", c.c_void_p),
        ("tensor_buft_overrides", c.c_void_p),
        ("n_gpu_layers", c.c_int32),
        ("split_mode", c.c_int32),
        ("load_mode", c.c_int32),
        ("lazy_mode", c.c_int32),
        ("main_gpu", c.c_int32),
        ("tensor_split", c.c_void_p),
        ("progress_callback", c.c_void_p),
        ("progress_callback_user_data", c.c_void_p),
        ("kv_overrides", c.c_void_p),
        ("vocab_only", c.c_bool),
        ("check_tensors", c.c_bool),
        ("use_extra_bufts", c.c_bool),
        ("no_host", c.c_bool),
        ("no_alloc", c.c_bool),
        ("load_mtp", c.c_bool),
        ("tail", c.c_uint8 * 64),  # zeros, should a newer library read further
    )


class ContextParams(c.Structure):
    """`struct llama_context_params`."""

    _fields_ = (
        ("n_ctx", c.c_uint32),
        ("n_batch", c.c_uint32),
        ("n_ubatch", c.c_uint32),
        ("n_seq_max", c.c_uint32),
        ("n_rs_seq", c.c_uint32),
        ("n_outputs_max", c.c_uint32),
        ("n_outputs_max_per_seq", c.c_uint32),
        ("n_threads", c.c_int32),
        ("n_threads_batch", c.c_int32),
        ("ctx_type", c.c_int32),
        ("rope_scaling_type", c.c_int32),
        ("pooling_type", c.c_int32),
        ("attention_type", c.c_int32),
        ("flash_attn_type", c.c_int32),
        ("rope_freq_base", c.c_float),
        ("rope_freq_scale", c.c_float),
        ("yarn_ext_factor", c.c_float),
        ("yarn_attn_factor", c.c_float),
        ("yarn_beta_fast", c.c_float),
        ("yarn_beta_slow", c.c_float),
        ("yarn_orig_ctx", c.c_uint32),
        ("defrag_thold", c.c_float),
        ("cb_eval", c.c_void_p),
        ("cb_eval_user_data", c.c_void_p),
        ("type_k", c.c_int32),
        ("type_v", c.c_int32),
        ("abort_callback", c.c_void_p),
        ("abort_callback_data", c.c_void_p),
        ("unnamed", c.c_void_p),  # present in b11549, absent in the b11434 header
        ("embeddings", c.c_bool),
        ("offload_kqv", c.c_bool),
        ("no_perf", c.c_bool),
        ("op_offload", c.c_bool),
        ("swa_full", c.c_bool),
        ("kv_unified", c.c_bool),
        ("samplers", c.c_void_p),
        ("n_samplers", c.c_size_t),
        ("ctx_other", c.c_void_p),
        ("tail", c.c_uint8 * 64),  # zeros, should a newer library read further
    )


class Batch(c.Structure):
    """`struct llama_batch`."""

    _fields_ = (
        ("n_tokens", c.c_int32),
        ("token", c.POINTER(c.c_int32)),
        ("embd", c.POINTER(c.c_float)),
        ("pos", c.POINTER(c.c_int32)),
        ("n_seq_id", c.POINTER(c.c_int32)),
        ("seq_id", c.POINTER(c.POINTER(c.c_int32))),
        ("logits", c.POINTER(c.c_int8)),
    )


class TokenData(c.Structure):
    """`struct llama_token_data`."""

    _fields_ = (("id", c.c_int32), ("logit", c.c_float), ("p", c.c_float))


class TokenDataArray(c.Structure):
    """`struct llama_token_data_array`: `selected` indexes `data`, it is not a token id."""

    _fields_ = (
        ("data", c.POINTER(TokenData)),
        ("size", c.c_size_t),
        ("selected", c.c_int64),
        ("sorted", c.c_bool),
    )


class SamplerChainParams(c.Structure):
    """`struct llama_sampler_chain_params`."""

    _fields_ = (("no_perf", c.c_bool),)


class Tensor(c.Structure):
    """`struct ggml_tensor`: ne counts elements, innermost first; nb are strides in bytes."""


Tensor._fields_ = (
    ("type", c.c_int32),
    ("buffer", c.c_void_p),
    ("ne", c.c_int64 * GGML_MAX_DIMS),
    ("nb", c.c_size_t * GGML_MAX_DIMS),
    ("op", c.c_int32),
    ("op_params", c.c_int32 * (GGML_MAX_OP_PARAMS // 4)),
    ("flags", c.c_int32),
    ("src", c.POINTER(Tensor) * GGML_MAX_SRC),
    ("view_src", c.c_void_p),
    ("view_offs", c.c_size_t),
    ("data", c.c_void_p),
    ("name", c.c_char * GGML_MAX_NAME),
    ("extra", c.c_void_p),
    ("padding", c.c_char * 8),
)


class TypeTraits(c.Structure):
    """`struct ggml_type_traits`: `to_float(bytes, floats, count)` decodes whole rows."""

    _fields_ = (
        ("type_name", c.c_char_p),
        ("blck_size", c.c_int64),
        ("blck_size_interleave", c.c_int64),
        ("type_size", c.c_size_t),
        ("is_quantized", c.c_bool),
        ("to_float", c.CFUNCTYPE(None, c.c_void_p, c.c_void_p, c.c_int64)),
        ("from_float_ref", c.CFUNCTYPE(None, c.c_void_p, c.c_void_p, c.c_int64)),
    )


class TypeTraitsCPU(c.Structure):
    """`struct ggml_type_traits_cpu`: `vec_dot` multiplies a row with one in `vec_dot_type`."""

    _fields_ = (
        ("from_float", c.c_void_p),
        (
            "vec_dot",
            c.CFUNCTYPE(
                None, c.c_int, c.POINTER(c.c_float), c.c_size_t,
                c.c_void_p, c.c_size_t, c.c_void_p, c.c_size_t, c.c_int,
            ),
        ),
        ("vec_dot_type", c.c_int),
        ("nrows", c.c_int64),
    )  # fmt: skip


EvalCallback = c.CFUNCTYPE(c.c_bool, c.POINTER(Tensor), c.c_bool, c.c_void_p)
AbortCallback = c.CFUNCTYPE(c.c_bool, c.c_void_p)
LogCallback = c.CFUNCTYPE(None, c.c_int32, c.c_char_p, c.c_void_p)
AbortMessage = c.CFUNCTYPE(None, c.c_char_p)

INIT_LLG = "_Z22llama_sampler_init_llgPK11llama_vocabPKcS3_"
_P, _I, _U, _F, _B, _S = c.c_void_p, c.c_int32, c.c_uint32, c.c_float, c.c_bool, c.c_char_p

FUNCTIONS: dict[str, tuple[object, tuple[object, ...]]] = {
    # name: (result, arguments)
    "llama_backend_init": (None, ()),
    "llama_log_set": (None, (LogCallback, _P)),
    "llama_version": (_S, ()),
    "llama_model_default_params": (ModelParams, ()),
    "llama_context_default_params": (ContextParams, ()),
    "llama_model_load_from_file": (_P, (_S, ModelParams)),
    "llama_model_free": (None, (_P,)),
    "llama_init_from_model": (_P, (_P, ContextParams)),
    "llama_free": (None, (_P,)),
    "llama_model_get_vocab": (_P, (_P,)),
    "llama_model_n_ctx_train": (_I, (_P,)),
    "llama_model_n_params": (c.c_uint64, (_P,)),
    "llama_model_size": (c.c_uint64, (_P,)),
    "llama_model_chat_template": (_S, (_P, _S)),
    "llama_vocab_n_tokens": (_I, (_P,)),
    "llama_vocab_bos": (_I, (_P,)),
    "llama_vocab_eos": (_I, (_P,)),
    "llama_vocab_get_add_bos": (_B, (_P,)),
    "llama_vocab_get_text": (_S, (_P, _I)),
    "llama_vocab_is_eog": (_B, (_P, _I)),
    "llama_vocab_is_control": (_B, (_P, _I)),
    "llama_tokenize": (_I, (_P, _S, _I, _P, _I, _B, _B)),
    "llama_token_to_piece": (_I, (_P, _I, _P, _I, _I, _B)),
    "llama_n_ctx": (_U, (_P,)),
    "llama_get_memory": (_P, (_P,)),
    "llama_memory_clear": (None, (_P, _B)),
    "llama_memory_seq_rm": (_B, (_P, _I, _I, _I)),
    "llama_memory_seq_cp": (None, (_P, _I, _I, _I, _I)),
    "llama_batch_init": (Batch, (_I, _I, _I)),
    "llama_batch_free": (None, (Batch,)),
    "llama_decode": (_I, (_P, Batch)),
    "llama_encode": (_I, (_P, Batch)),
    "llama_get_embeddings_seq": (_P, (_P, _I)),
    "llama_model_n_embd": (_I, (_P,)),
    "llama_pooling_type": (_I, (_P,)),
    "llama_set_n_threads": (None, (_P, _I, _I)),
    "llama_get_logits": (_P, (_P,)),
    "llama_set_abort_callback": (None, (_P, AbortCallback, _P)),
    "llama_sampler_chain_default_params": (SamplerChainParams, ()),
    "llama_sampler_chain_init": (_P, (SamplerChainParams,)),
    "llama_sampler_chain_add": (None, (_P, _P)),
    "llama_sampler_sample": (_I, (_P, _P, _I)),
    "llama_sampler_apply": (None, (_P, c.POINTER(TokenDataArray))),
    "llama_sampler_accept": (None, (_P, _I)),
    "llama_sampler_free": (None, (_P,)),
    "llama_sampler_init_greedy": (_P, ()),
    "llama_sampler_init_dist": (_P, (_U,)),
    "llama_sampler_init_top_k": (_P, (_I,)),
    "llama_sampler_init_top_p": (_P, (_F, c.c_size_t)),
    "llama_sampler_init_min_p": (_P, (_F, c.c_size_t)),
    "llama_sampler_init_temp": (_P, (_F,)),
    "llama_sampler_init_penalties": (_P, (_I, _I, _F, _F, _F)),
    # C++ linkage, plain pointers: (vocabulary, kind, text); kind "json" takes a JSON schema
    INIT_LLG: (_P, (_P, _S, _S)),
    "ggml_get_type_traits": (c.POINTER(TypeTraits), (_I,)),
    "ggml_get_type_traits_cpu": (c.POINTER(TypeTraitsCPU), (_I,)),
    "ggml_quantize_init": (None, (_I,)),
    "ggml_quantize_requires_imatrix": (_B, (_I,)),
    "ggml_quantize_chunk": (
        c.c_size_t,
        (_I, _P, _P, c.c_int64, c.c_int64, c.c_int64, _P),
    ),
    "ggml_op_name": (_S, (_I,)),
    "ggml_set_abort_callback": (_P, (AbortMessage,)),
    "ggml_nbytes": (c.c_size_t, (c.POINTER(Tensor),)),
}

MODEL_DEFAULTS = {"n_gpu_layers": -1, "split_mode": 1, "use_extra_bufts": True, "main_gpu": 0}
CONTEXT_DEFAULTS = {
    "n_ctx": 512, "n_batch": 2048, "n_ubatch": 512, "n_seq_max": 1, "flash_attn_type": -1,
    "yarn_ext_factor": -1.0, "yarn_beta_slow": -1.0, "defrag_thold": -1.0,
    "type_k": 1, "type_v": 1, "embeddings": False, "offload_kqv": True, "no_perf": True,
    "op_offload": True, "swa_full": True, "kv_unified": False, "n_samplers": 0,
}  # fmt: skip
