"""Examples of the standards: RFC 7515 (appendix A), RFC 7520 (section 4), RFC 8037 (appendix A). Public halves alone.

Each proves itself: a slip of the pen would not verify."""

from typing import Any

_A2_MODULUS = (
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4Ql"
    "L-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUs"
    "LA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoud"
    "F8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
)
_A2_SIGNATURE = (
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujG"
    "bds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K"
    "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6"
    "LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
)
_A3_SIGNATURE = (
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)
_A_PAYLOAD = (
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
)
_BILBO_MODULUS = (
    "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMa"
    "JMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6c"
    "S6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwd"
    "q_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw"
)
_BILBO_PAYLOAD = (
    "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0"
    "aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91"
    "IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4"
)
_BILBO_RS256 = (
    "MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7P"
    "NDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9e"
    "Ro4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4"
    "uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg"
)
_BILBO_PS384 = (
    "cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP6O8TTB5dD"
    "DItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ij"
    "Q7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAj"
    "VKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw"
)
_BILBO_ES512 = (
    "AE_R_YZCChjn4791jSQCrdPZCNYqHXCTZH0-JZGYNlaAjP2kqaluUIIUnC9qvbu9Plon7KRTzoNEuT4Va2cmL1eJAQy3mtPB"
    "u_u_sDDyYjnAMDxXPn7XrT0lw-kvAD890jl8e2puQens_IEKBpHABlsbEPX6sFY8OcGDqoRuBomu9xQ2"
)
_BILBO = "ImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9"

_A2: dict[str, Any] = {"kty": "RSA", "n": _A2_MODULUS, "e": "AQAB"}
_A3: dict[str, Any] = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
_RFC_8037: dict[str, Any] = {
    "kty": "OKP",
    "crv": "Ed25519",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}

_SIGNED_A2 = f"eyJhbGciOiJSUzI1NiJ9.{_A_PAYLOAD}.{_A2_SIGNATURE}"
_SIGNED_A3 = f"eyJhbGciOiJFUzI1NiJ9.{_A_PAYLOAD}.{_A3_SIGNATURE}"
_SIGNED_8037 = (
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIb"
    "QR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
)
_BILBOS: dict[str, Any] = {"kty": "RSA", "n": _BILBO_MODULUS, "e": "AQAB", "use": "sig"}

SIGNED = {
    "RFC 7515, A.2": ("RS256", _A2, _SIGNED_A2),
    "RFC 7515, A.3": ("ES256", _A3, _SIGNED_A3),
    "RFC 7520, 4.1": (
        "RS256",
        _BILBOS,
        f"eyJhbGciOiJSUzI1NiIs{_BILBO}.{_BILBO_PAYLOAD}.{_BILBO_RS256}",
    ),
    "RFC 7520, 4.2": (
        "PS384",
        _BILBOS,
        f"eyJhbGciOiJQUzM4NCIs{_BILBO}.{_BILBO_PAYLOAD}.{_BILBO_PS384}",
    ),
    "RFC 8037, A.4": ("EdDSA", _RFC_8037, _SIGNED_8037),
}
"""Algorithm, public key and compact JWS of what is signed with an algorithm that is taken here."""

_ALG = "alg is none that is accepted here"
_SHAPE = "client_assertion is not a signed JWT"
_SECRET = "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9"
_MAC = "s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0"

NO_ASSERTIONS = {
    "RFC 7515, A.1: a MAC": (
        f"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{_A_PAYLOAD}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        _ALG,
    ),
    "RFC 7515, A.2: no kid": (_SIGNED_A2, "There is no kid"),
    "RFC 7515, A.3: no kid": (_SIGNED_A3, "There is no kid"),
    "RFC 7515, A.4: a text": ("eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwM", "body of client_assertion is not strict JSON"),
    "RFC 7515, A.5: unsecured": (f"eyJhbGciOiJub25lIn0.{_A_PAYLOAD}.", _SHAPE),
    "RFC 7515, A.6: as JSON": (
        f'{{"payload":"{_A_PAYLOAD}","signatures":[{{"protected":"eyJhbGciOiJSUzI1NiJ9",'
        f'"header":{{"kid":"2010-12-29"}},"signature":"{_A2_SIGNATURE}"}}]}}',
        _SHAPE,
    ),
    "RFC 7515, A.6: as flattened JSON": (
        f'{{"payload":"{_A_PAYLOAD}","protected":"eyJhbGciOiJFUzI1NiJ9",'
        f'"header":{{"kid":"e9bc097a-ce51-4036-9562-d2ade882db0d"}},"signature":"{_A3_SIGNATURE}"}}',
        _SHAPE,
    ),
    "RFC 7520, 4.1: a text": (SIGNED["RFC 7520, 4.1"][2], "body of client_assertion is not strict JSON"),
    "RFC 7520, 4.3: P-521 over claims": (f"eyJhbGciOiJFUzUxMiIs{_BILBO}.{_A_PAYLOAD}.{_BILBO_ES512}", _ALG),
    "RFC 7520, 4.4: a MAC over claims": (f"{_SECRET}.{_A_PAYLOAD}.{_MAC}", _ALG),
    "RFC 7520, 4.5: detached": (f"{_SECRET}..{_MAC}", _SHAPE),
    "RFC 7520, 4.7: nothing protected": (
        f'{{"payload":"{_BILBO_PAYLOAD}","header":{{"alg":"HS256"}},"signature":"{_MAC}"}}',
        _SHAPE,
    ),
    "RFC 8037, A.4: a text": (_SIGNED_8037, "body of client_assertion is not strict JSON"),
}  # fmt: skip
"""What none of them is: an assertion; and how each is refused."""
