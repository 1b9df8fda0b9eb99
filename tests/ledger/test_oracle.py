"""A public tiled-log library reads what we write, and we read what it writes (tlog-scales, where it is installed)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger.checkpoint import Checkpoint, cosign, open_checkpoint, sign_checkpoint
from ledger.keys import generate_key, generate_witness_key
from ledger.merkle import leaf_hash
from ledger.note import VerifierKey
from ledger.proofs import consistency_proof, inclusion_proof, root_at
from ledger.tiles import TileReader, entries_path, entry_bundle, tile_addresses, tile_bytes
from tests.ledger.test_tiles import Storage

ORIGIN = "groundswell.example/log"
KEY = generate_key(ORIGIN)
WITNESS = generate_witness_key("witness.example/w1")
SIZE = 66_500


def oracle(module: str) -> Any:
    """A module of the library; the test is skipped where the library is not installed."""
    return pytest.importorskip(f"tlog_scales.{module}")


def entry(number: int) -> bytes:
    return f"entry {number}".encode()


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Storage]:
    """A log of 66,500 entries, served as files in the tlog-tiles layout."""
    root = tmp_path_factory.mktemp("log")
    storage = Storage()
    storage.append([leaf_hash(entry(number)) for number in range(SIZE)])
    for address in tile_addresses(SIZE):
        path = root / address.path()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tile_bytes(storage, SIZE, address))
        if address.level == 0:
            first = address.index * 256
            path = root / entries_path(address.index, address.width)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(entry_bundle(entry(number) for number in range(first, first + address.width)))
    note = sign_checkpoint(Checkpoint(ORIGIN, SIZE, root_at(TileReader(storage, SIZE), SIZE)), [KEY])
    (root / "checkpoint").write_text(str(note.with_signatures(cosign(note, WITNESS, 1_700_000_000))))
    return root, storage


def test_it_reads_our_tiles_and_checks_our_proofs(ours: tuple[Path, Storage]) -> None:
    backend, reader, signing, tlog = (oracle(name) for name in ("backend", "reader", "signing", "tlog"))
    root, storage = ours
    checkpoint = tlog.Checkpoint.from_text((root / "checkpoint").read_text())
    checkpoint.verify(signing.Vkey.from_string(KEY.vkey))
    checkpoint.verify(signing.Vkey.from_string(WITNESS.vkey))
    theirs = reader.TilesReader(backend.LocalBackend(root))
    theirs.set_size(SIZE)
    assert theirs.calculate_root_hash() == checkpoint.root_hash
    mine = TileReader(storage, SIZE)
    for index in (0, 255, 256, 65_535, 65_536, SIZE - 1):
        assert theirs.get_entry(index) == entry(index)
        proof = inclusion_proof(mine, index, SIZE)
        assert theirs.get_inclusion_proof(index, SIZE).node_hashes == proof
        tlog.InclusionProof(index, SIZE, proof).check(leaf_hash(entry(index)), checkpoint.root_hash)
    for old in (1, 2, 255, 256, 257, 65_536, 66_000, SIZE):
        assert theirs.get_consistency_proof(old, SIZE).node_hashes == consistency_proof(mine, old, SIZE)


def test_we_read_its_checkpoint() -> None:
    signing, tlog = oracle("signing"), oracle("tlog")
    seed = bytes(range(32))
    signer = signing.PlainEd25519Signer(ORIGIN, seed)
    note = tlog.Checkpoint.make_signed(ORIGIN, 5, bytes(32), [signer]).serialize()
    opened = open_checkpoint(note, ORIGIN, [VerifierKey.parse(signer.vkey.serialize())])
    assert (opened.checkpoint.size, opened.checkpoint.root) == (5, bytes(32))
