"""What makes a run the same run: canonical encoding, the identity chain, seeds, and the digest of its code.

id_run is a UUID of version 8 (RFC 9562) over a SHA-256 chain:

    h_0 = SHA-256("xrun-id-1" | kwargs | data | seed | versions of packages that count | point)       before any step
    h_k = SHA-256(h_{k-1} | step k with its code digest)            after step k

so that h_k identifies the run up to step k, and h_last is the run. tests/identity/test_golden.py keeps the ids for ever.
Type-aware: 1, 1.0, True and "1" differ; so do 0.0 and -0.0; all NaN are one.
"""

import hashlib
import math
import struct
import unicodedata
from collections.abc import Callable, Collection, Mapping
from typing import Any

from runner.secret import Secret
from runner.spec import Step

_DOUBLE = struct.Struct(">d")
_NAN = _DOUBLE.pack(math.nan)
_CONSTANT = {None: b"N", True: b"T", False: b"F"}
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
_GOLDEN = 0x9E3779B1  # 2**32 / golden ratio, odd: replicate -> seed is one to one


def encode(value: Any) -> bytes:
    """The canonical encoding of plain data: a type tag, a length, the bytes.

    Mappings are ordered by their NFC-normalised keys, lists and tuples keep their order and are alike. Raises TypeError for
    anything that is not None, bool, int, float, str, list, tuple or a mapping with string keys; such values never leave
    `runner.config`.
    """
    kind = type(value)
    if kind is str:
        raw = value.encode("utf-8", "surrogatepass")
        return b"s%d:%b" % (len(raw), raw)
    if kind is bool or value is None:
        return _CONSTANT[value]
    if kind is int or kind is float:
        return b"i%d;" % value if kind is int else b"f" + (_NAN if math.isnan(value) else _DOUBLE.pack(value))
    if isinstance(value, list | tuple):
        return b"l%d:" % len(value) + b"".join(map(encode, value))
    if isinstance(value, Mapping):
        items = sorted(_key(key) + encode(item) for key, item in value.items())  # a key ends itself: this is the order of keys
        return b"d%d:" % len(items) + b"".join(items)
    if kind is Secret:
        return encode(value.counted)
    raise TypeError(f"{kind.__name__} has no canonical encoding")


def _key(key: Any) -> bytes:
    """A mapping's key. Other scalars than strings may be keys below `kwargs`, tagged like values."""
    return encode(unicodedata.normalize("NFC", key)) if isinstance(key, str) else encode(key)


def encode_item(name: str, value: Any) -> bytes:
    """One entry of a mapping, for callers that encode constant entries once and join them in key order."""
    return _key(name) + encode(value)


def of_step(step: Step, code: str) -> dict[str, Any]:
    """What of a step changes results: the reference, its own kwargs, its version, its code digest. Not its name or time limit.

    Of a script or command: what is called, with what, and what of it is kept.
    """
    what = {"call": step.call.replace(":", ".")} if step.process is None else {"process": step.process.identifying}
    return {**what, "kwargs": dict(step.kwargs), "version": step.version, "code": code}


def encode_step(step: Step, code: str) -> bytes:
    """`of_step`, encoded."""
    return encode(of_step(step, code))


def base(kwargs: Mapping[str, Any], data: Mapping[str, str], seed: int, packages: Mapping[str, str] | None = None) -> "hashlib._Hash":
    """The part of h_0 that all runs of one grid share; copy it and add the point."""
    told = {"kwargs": kwargs, "data": data, "seed": seed}
    return hashlib.sha256(b"xrun-id-1" + encode({**told, "packages": packages} if packages else told))


def kept(kwargs: Mapping[str, Any], ignore: Collection[str], default_ids: Mapping[str, Any]) -> Mapping[str, Any]:
    """The kwargs less those that are ignored, and less those that have the value at which a run has the id that it has without them.

    Equal means equal with the type: 100 and 100.0 are not.
    """
    found = {name: value for name, value in kwargs.items() if name not in ignore}
    for name, default in default_ids.items():
        found = _less(found, name.split("."), encode(default)) if name not in found else _less(found, [name], encode(default))
    return found


def _less(tree: Mapping[str, Any], path: list[str], default: bytes) -> dict[str, Any]:
    head, *rest = path
    if head not in tree:
        return dict(tree)
    if not rest:
        return {key: value for key, value in tree.items() if key != head or encode(value) != default}
    inner = tree[head]
    return {**tree, head: _less(inner, rest, default)} if isinstance(inner, Mapping) else dict(tree)


def chain(h0: bytes, steps: tuple[bytes, ...]) -> bytes:
    """h_last of `h0` and the encoded steps."""
    digest = h0
    for step in steps:
        digest = hashlib.sha256(digest + step).digest()
    return digest


def links(h0: bytes, steps: tuple[bytes, ...]) -> tuple[str, ...]:
    """h_1 ... h_(last - 1) in hex: what identifies the run up to each of its steps but the last."""
    digest, found = h0, []
    for step in steps[:-1]:
        digest = hashlib.sha256(digest + step).digest()
        found.append(digest.hex())
    return tuple(found)


def uuid8(digest: bytes) -> str:
    """The first 122 free bits of a digest as a UUID of version 8, in canonical text form."""
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-8{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


def seeding(seed: int) -> Callable[[bytes, int], int]:
    """The seeds of the runs of an experiment with this seed: a function of the encoded point without `replicate`, and the replicate.

    0 <= seed < 2**32 (what numpy's and scikit-learn's global state take). Replicates of one point never share a seed. Independent of code
    and data, so that an edit changes the results but not the luck.
    """
    begun = hashlib.sha256(b"xrun-seed-1" + encode(seed))

    def seed_of(point: bytes, replicate: int) -> int:
        digest = begun.copy()
        digest.update(point)
        return (int.from_bytes(digest.digest()[:4], "big") + replicate * _GOLDEN) % 2**32

    return seed_of


def seed_of_step(seed: int, step: int) -> int:
    """The seed of step number `step` (0-based) of a run; the first step has the run's own."""
    if step == 0:
        return seed
    return int.from_bytes(hashlib.sha256(b"xrun-step-seed-1" + encode([seed, step])).digest()[:4], "big")
