"""RSA keys that can be broken, each made here."""

import json
from datetime import UTC, datetime
from math import gcd, isqrt, prod

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from keys.key_values import as_number
from keys.public_keys import BadPublicKey, read_public_keys
from keys.weaknesses import weak_ed25519, weak_rsa

F4 = 65537
NOW = datetime(2026, 11, 24, tzinfo=UTC)
FIRST_PRIMES = [n for n in range(2, 168) if all(n % d for d in range(2, isqrt(n) + 1))]
SMALL = prod(n for n in range(3, 5000) if all(n % d for d in range(2, isqrt(n) + 1)))


def numbers(bits: int = 2048) -> rsa.RSAPublicNumbers:
    return rsa.generate_private_key(F4, bits).public_key().public_numbers()


def is_prime(n: int) -> bool:
    return gcd(n, SMALL) == 1 and all(pow(base, n - 1, n) == 1 for base in (2, 3))


def next_prime(n: int) -> int:
    n |= 1
    while not is_prime(n):
        n += 2
    return n


def roca_prime(start: int, power: int) -> int:
    """k·M + (65537^a mod M), as the faulty generator made them; M is the product of the first 39 primes."""
    product = prod(FIRST_PRIMES)
    remainder = pow(F4, power, product)
    k = start
    while not is_prime(k * product + remainder):
        k += 1
    return k * product + remainder


def test_a_modulus_of_the_faulty_chips_is_told():
    size = 1024 - prod(FIRST_PRIMES).bit_length()
    p, q = roca_prime(3 << (size - 1), 12345), roca_prime(7 << (size - 2), 67890)
    assert "ROCA" in weak_rsa(p * q, F4)
    pasted = json.dumps({"kty": "RSA", "n": as_number(p * q), "e": "AQAB"})
    with pytest.raises(BadPublicKey, match="ROCA"):
        read_public_keys(pasted, now=NOW)


def test_only_a_modulus_with_the_mark_of_every_prime_is_accused():
    rest = prod(FIRST_PRIMES) // 37
    start = (1 << 2047) // (rest * 37) * rest * 37 + rest * 37 + 1  # 1 modulo every prime
    powers = {pow(F4, i, 37) for i in range(36)}
    accused = {n % 37 for n in range(start, start + rest * 37, rest) if "ROCA" in weak_rsa(n, F4)}
    assert accused == powers
    assert len(powers) < 36


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_an_ordinary_key_is_not_accused(bits):
    assert weak_rsa(numbers(bits).n, F4) == ""


@pytest.mark.parametrize(("n", "bits"), [(2**2047 - 1, 2047), (2**8192, 8193), (0, 0), (1, 1)])
def test_the_size_is_between_2048_and_8192_bits(n, bits):
    assert f"this one has {bits}" in weak_rsa(n, F4)


@pytest.mark.parametrize("e", [0, 1, 2, 3, 17, 65535, 65536, 65538, 2**256, 2**256 + 1])
def test_the_exponent_is_odd_and_of_a_proper_size(e):
    assert "exponent" in weak_rsa(numbers().n, e)


def test_the_limits_of_the_exponent_themselves_are_taken():
    n = numbers().n
    assert weak_rsa(n, F4) == weak_rsa(n, 2**256 - 1) == ""


def test_a_modulus_with_a_small_factor_or_with_neighbours_for_primes_is_told():
    odd = numbers().n
    assert "factored" in weak_rsa(odd * 751, F4)
    assert "factored" in weak_rsa(odd + 1, F4)
    p = next_prime(7 << 1021)
    assert "factored" in weak_rsa(p * next_prime(p + 2), F4)
    assert "factored" in weak_rsa(p * p, F4)


def test_the_points_of_ordinary_keys_are_sound():
    for _ in range(20):
        made = ed25519.Ed25519PrivateKey.generate().public_key()
        assert weak_ed25519(made.public_bytes_raw()) == ""


def test_a_point_of_order_four_is_told_as_well():
    assert "small order" in weak_ed25519((0).to_bytes(32, "little"))
