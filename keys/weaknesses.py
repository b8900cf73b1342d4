"""Numbers that look like a public key and protect nothing. No Django; each test answers in words, or with nothing."""

from collections.abc import Mapping
from math import gcd, isqrt, prod
from types import MappingProxyType
from typing import Final

RSA_BITS: Final = (2048, 8192)
_LEAST_EXPONENT: Final = 2**16  # NIST FIPS 186-5, A.1.1: 2^16 < e < 2^256, odd
_GREATEST_EXPONENT: Final = 2**256


def _primes(below: int) -> list[int]:
    return [n for n in range(2, below) if all(n % d for d in range(2, isqrt(n) + 1))]


_SMALL_PRODUCT: Final = prod(_primes(752))  # NIST SP 800-89, 5.3.3

# The ROCA test: modulo each small prime, every modulus of the faulty generator (CVE-2017-15361) is a power of
# 65537. A random modulus passes all of them once in 2^27. Nemec et al., "The Return of Coppersmith's Attack", 2017.
_ROCA: Final[Mapping[int, frozenset[int]]] = MappingProxyType(
    {p: frozenset(pow(65537, i, p) for i in range(p)) for p in _primes(168) if p > 2}
)
_CLOSE: Final = (
    100  # rounds of Fermat's method: it finds primes that were chosen side by side (CVE-2022-26320)
)

_P: Final = 2**255 - 19  # edwards25519, RFC 8032, 5.1
_D: Final = -121665 * pow(121666, -1, _P) % _P


def weak_rsa(modulus: int, exponent: int) -> str:
    """What is wrong with this RSA key, as far as its public half tells."""
    least, most = RSA_BITS
    bits = modulus.bit_length()
    if not least <= bits <= most:
        return f"An RSA key has {least} to {most} bits here; this one has {bits}."
    if not (_LEAST_EXPONENT < exponent < _GREATEST_EXPONENT and exponent % 2):
        return (
            "The exponent of this RSA key is even, too small or too large. 65537 is the usual one."
        )
    if _is_roca(modulus):
        return (
            "This RSA key was made by a chip whose keys can be broken (ROCA, CVE-2017-15361). "
            "Make another one with software."
        )
    if gcd(modulus, _SMALL_PRODUCT) != 1 or _factors_are_close(modulus):
        return "The modulus of this RSA key can be factored. Make another one."
    return ""


def _is_roca(modulus: int) -> bool:
    return all(modulus % p in powers for p, powers in _ROCA.items())


def _factors_are_close(modulus: int) -> bool:
    start = isqrt(modulus - 1) + 1
    for a in range(start, start + _CLOSE):
        square = a * a - modulus
        if isqrt(square) ** 2 == square:
            return True
    return False


def weak_ed25519(encoded: bytes) -> str:
    """Whether these bytes are no point of the curve, or one of the few that any signature fits (RFC 8032, 5.1.3)."""
    number = int.from_bytes(encoded, "little")
    y, odd = number & (2**255 - 1), number >> 255
    x = _x_of(y) if y < _P else None
    if x is None or (x == 0 and odd):
        return "This is no point on the curve Ed25519."
    if _eight_times(x, y) == (0, 1):
        return "This point of Ed25519 is of small order: everybody can sign for it."
    return ""


def _x_of(y: int) -> int | None:
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    return x if x * x % _P == square else None


def _eight_times(x: int, y: int) -> tuple[int, int]:
    for _ in range(3):
        turn = _D * x * x * y * y
        x, y = (
            2 * x * y * pow(1 + turn, -1, _P) % _P,
            (y * y + x * x) * pow(1 - turn, -1, _P) % _P,
        )
    return x, y
