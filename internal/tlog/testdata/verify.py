"""Check a log directory from its entries and its signed checkpoint alone: verify.py DIR VKEY
or the cosignatures of a checkpoint, each of which must hold: verify.py CHECKPOINT VKEY WITNESS…

Written from the specifications, for the tests: C2SP tlog-tiles, tlog-checkpoint, tlog-cosignature,
signed-note and RFC 9162 section 2.1.1. Needs Python 3.9 and the package cryptography (for Ed25519).
"""

import base64
import hashlib
import pathlib
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def tree_hash(leaves):
    """The Merkle tree hash of RFC 9162, as it is defined there."""
    if not leaves:
        return sha256()
    if len(leaves) == 1:
        return sha256(b"\x00", leaves[0])
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha256(b"\x01", tree_hash(leaves[:split]), tree_hash(leaves[split:]))


def signed_text(checkpoint, vkey):
    """The text of a signed note, if the key signed it."""
    name, key_id, key = vkey.split("+", 2)
    key = base64.b64decode(key, validate=True)
    if key[0] != 1 or sha256(name.encode(), b"\n", key)[:4].hex() != key_id:
        sys.exit("malformed key")
    text, _, signatures = checkpoint.rpartition("\n\n")
    text += "\n"
    for line in signatures.splitlines():
        dash, signer, signature = line.split(" ")
        signature = base64.b64decode(signature, validate=True)
        if dash == "\u2014" and signer == name and signature[:4].hex() == key_id:
            Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature[4:], text.encode())
            return name, text
    sys.exit("the log did not sign the checkpoint")


def cosigned_at(checkpoint, vkey):
    """The time at which a witness cosigned a checkpoint."""
    name, key_id, key = vkey.split("+", 2)
    key = base64.b64decode(key, validate=True)
    if key[0] != 4 or sha256(name.encode(), b"\n", key)[:4].hex() != key_id:
        sys.exit("malformed witness key")
    text, _, signatures = checkpoint.rpartition("\n\n")
    for line in signatures.splitlines():
        dash, signer, signature = line.split(" ")
        signature = base64.b64decode(signature, validate=True)
        if dash == "\u2014" and signer == name and signature[:4].hex() == key_id:
            seconds = int.from_bytes(signature[4:12], "big")
            message = f"cosignature/v1\ntime {seconds}\n{text}\n"
            Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature[12:], message.encode())
            return seconds
    sys.exit(f"{name} did not cosign the checkpoint")


def bundle_path(number, entries):
    digits = f"{number:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    path = "/".join(["x" + g for g in groups[:-1]] + groups[-1:])
    return path if entries == 256 else f"{path}.p/{entries}"


def entries_of(bundle, count):
    entries, at = [], 0
    for _ in range(count):
        size = int.from_bytes(bundle[at : at + 2], "big")
        entries.append(bundle[at + 2 : at + 2 + size])
        at += 2 + size
    if at != len(bundle):
        sys.exit("a bundle has another length than its entries")
    return entries


def main(directory, vkey, *witnesses):
    directory = pathlib.Path(directory)
    if witnesses:
        checkpoint = directory.read_text(encoding="utf-8")
        signed_text(checkpoint, vkey)
        for witness in witnesses:
            print(f"OK {witness.split('+')[0]} {cosigned_at(checkpoint, witness)}")
        return
    name, text = signed_text((directory / "checkpoint").read_text(encoding="utf-8"), vkey)
    origin, size, root = text.splitlines()
    if origin != name:
        sys.exit("the checkpoint is of another log")
    size, leaves = int(size), []
    for number in range((size + 255) // 256):
        count = min(256, size - 256 * number)
        leaves += entries_of((directory / "tile/entries" / bundle_path(number, count)).read_bytes(), count)
    if tree_hash(leaves) != base64.b64decode(root, validate=True):
        sys.exit("the entries do not give the signed root")
    print(f"OK {origin} {size}")


main(*sys.argv[1:])
