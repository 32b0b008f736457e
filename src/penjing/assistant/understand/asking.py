"""Whether a sentence asks something that a document could answer, or tells what is to be done.

"When does the lease end" and "can I paint the walls" ask; "can you write a poem" and "play some
jazz" do not. What is neither for certain is no question.
"""

from __future__ import annotations

import re

from penjing.assistant.understand.familiar import is_question, joined
from penjing.assistant.understand.signals import POLITE
from penjing.assistant.understand.text import tokens_of

_INDIRECT = re.compile(
    r"\b(?:what|when|where|who|whom|whose|which|why|how)\b"
    r"|请问|问一下|想知道|多长|几[号天月年楼层位人次件岁]"
)
_WHETHER = re.compile(
    r"^(?:(?:and|but|so|hey|ok|well) )*(?:can|could|may|must|should|shall|will|would|do|does|did) "
    r"(?:i|we|the|my|our|a|an|it|they|he|she|there|this|that|these|those|someone|anyone)\b"
    r"|(?:我们?|咱们?)(?:还|也|就)?(?:可以|能|可否|能否|能不能|可不可以|需要|需不需要|要不要|必须|该不该).*[吗不否么]"
)


def asks_something(text: str) -> bool:
    """It is a question, put straight or not, and no wish that is put gently."""
    words = [one.text for one in tokens_of(text) if not one.mark]
    flat, _ = joined(words)
    if is_question(words) or _INDIRECT.search(flat) or _WHETHER.search(flat):
        return True
    return text.rstrip().endswith(("?", "？")) and not POLITE.search(flat)
