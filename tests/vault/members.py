"""The secrets of the two people of the vault that tests have, and the vault's own."""

from __future__ import annotations

from penjing.vault.envelope import LEAST
from penjing.vault.secrets import Passphrase

OWN = Passphrase("the vault's own words", LEAST)
ANNA = Passphrase("anna knows these words", LEAST)
BEN = Passphrase("ben knows other words", LEAST)
