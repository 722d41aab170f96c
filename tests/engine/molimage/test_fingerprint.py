"""Fingerprints count what RDKit counts, similarity is Tanimoto's, splits keep scaffolds whole, and graphs are those of the molecules."""

from itertools import pairwise

import numpy as np
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator

from engine.core import UserError
from engine.molimage.fingerprint import DESCRIPTORS, FEATURES, MACCS, MORGAN, PHARMACOPHORE, descriptors, features, nearest, similarity
from engine.molimage.gallery import drugs, find
from engine.molimage.molecular_graph import ATOM_FEATURES, BOND_FEATURES, molecular_graph
from engine.molimage.scaffolds import inchikey14, random_split, scaffold, scaffold_split

SOME = list(drugs()["smiles"].iloc[::37])


def test_counts_are_those_of_the_environments_folded():
    make = GetMorganGenerator(radius=2, includeChirality=True)
    for smiles, row in zip(SOME[:20], features(SOME[:20]), strict=True):
        folded = np.zeros(MORGAN)
        for environment, count in make.GetSparseCountFingerprint(Chem.MolFromSmiles(smiles)).GetNonzeroElements().items():
            folded[environment % MORGAN] += count
        assert np.allclose(row[:MORGAN], np.log1p(folded), atol=1e-6)


def test_features_do_not_depend_on_how_a_molecule_is_written():
    for smiles in SOME[:20]:
        other = Chem.MolToSmiles(Chem.MolFromSmiles(smiles), doRandom=True)
        assert np.allclose(features([smiles]), features([other]), atol=1e-5)


def test_parts_have_their_places():
    row = features([find("imipramine").smiles])[0]
    assert row.shape == (FEATURES,) and row.dtype == np.float32
    keys = row[MORGAN + PHARMACOPHORE :][:MACCS]
    assert set(keys) == {0.0, 1.0}
    told = descriptors(find("imipramine").smiles)
    standard = [(told[name] - centre) / scale for name, (centre, scale) in DESCRIPTORS.items()]
    assert np.allclose(row[-len(DESCRIPTORS) :], np.clip(standard, -4, 4), atol=1e-5)
    assert features([]).shape == (0, FEATURES)


def test_descriptors_are_standardised_over_the_gallery():
    values = features(SOME)[:, -len(DESCRIPTORS) :]
    assert np.abs(values.mean(axis=0)).max() < 0.5 and 0.6 < values.std(axis=0).min() <= values.std(axis=0).max() < 1.6


@pytest.mark.parametrize(
    ("name", "basic", "acid"),
    [
        ("imipramine", 1, 0), ("chloroquine", 1, 0), ("aspirin", 0, 1), ("acetaminophen", 0, 0), ("fluoxetine", 1, 0), ("nocodazole", 0, 0),
        ("losartan", 0, 1), ("sulfanilamide", 0, 0), ("amantadine", 1, 0), ("methotrexate", 0, 2), ("tilorone", 2, 0),
    ],
)  # fmt: skip
def test_basic_amines_and_acids_are_those_a_chemist_counts(name, basic, acid):
    told = descriptors(find(name).smiles)
    assert (told["basic_amines"], told["acids"]) == (basic, acid)


def test_only_lipophilic_bases_are_amphiphilic():
    amphiphilic = {
        name: descriptors(find(name).smiles)["amphiphilicity"]
        for name in ("amiodarone", "metformin", "levocetirizine", "ibuprofen")
        if find(name)
    }
    assert amphiphilic["amiodarone"] > 3
    assert amphiphilic["ibuprofen"] == 0


def test_mirror_images_differ():
    left, right = "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"
    assert not np.array_equal(features([left]), features([right]))
    assert similarity([left], [right])[0, 0] < 1


def test_similarity_is_tanimoto():
    make = GetMorganGenerator(radius=2, fpSize=2048, includeChirality=True)
    bits = [make.GetFingerprint(Chem.MolFromSmiles(smiles)) for smiles in SOME]
    expected = [[DataStructs.TanimotoSimilarity(a, b) for b in bits] for a in bits[:9]]
    assert np.allclose(similarity(SOME[:9], SOME), expected, atol=1e-7)


def test_nearest_molecule_is_itself_and_then_the_most_similar():
    alike = similarity([SOME[3]], SOME)[0]
    found = nearest(SOME[3], SOME, n=4)
    assert found["row"].iloc[0] == 3 and found["similarity"].iloc[0] == 1
    assert found["similarity"].tolist() == sorted(alike, reverse=True)[:4]
    assert [SOME[row] for row in found["row"]] == found["smiles"].tolist()


def test_a_text_that_is_no_molecule_is_refused():
    with pytest.raises(UserError, match="not a molecule"):
        features(["C1CC"])
    with pytest.raises(UserError, match="not a molecule"):
        molecular_graph([""])


def test_scaffold_is_rings_and_linkers_without_stereo():
    assert scaffold("CC(=O)Oc1ccccc1C(=O)O") == "c1ccccc1"
    assert scaffold("OC(=O)C[C@H](c1ccccc1)C1CCCCC1") == Chem.CanonSmiles("c1ccccc1CC1CCCCC1")
    assert scaffold("CCCCO") == ""


def test_stereoisomers_share_a_key():
    assert inchikey14("C[C@H](N)C(=O)O") == inchikey14("C[C@@H](N)C(=O)O") != inchikey14("CC(N)CO")


@pytest.mark.parametrize("seed", range(3))
def test_scaffold_split_keeps_scaffolds_whole_and_shares_out_mechanisms(seed):
    table = drugs()
    table = table[table["mechanism"] != ""]
    split = scaffold_split(table["smiles"].tolist(), seed=seed, labels=table["mechanism"].tolist())
    whole = table.assign(split=split, scaffold=table["smiles"].map(scaffold))
    ringed = whole[whole["scaffold"] != ""]
    assert ringed.groupby("scaffold")["split"].nunique().max() == 1
    assert np.allclose(whole["split"].value_counts(normalize=True)[["train", "val", "test"]], [0.7, 0.1, 0.2], atol=0.05)
    found = whole.groupby("mechanism")["split"].value_counts().unstack(fill_value=0)
    assert (found["test"] > 0).all() and (found["train"] >= found["val"] + found["test"]).all()


def test_splits_are_those_of_their_seed():
    first = scaffold_split(SOME, seed=1)
    assert (first == scaffold_split(SOME, seed=1)).all()
    assert (first != scaffold_split(SOME, seed=2)).any()
    assert set(scaffold_split(SOME, {"a": 1, "b": 1})) == {"a", "b"}
    assert len(scaffold_split([])) == 0


def test_random_split_keeps_stereoisomers_together_but_not_scaffolds():
    pairs = [smiles for n in range(3, 40) for smiles in (f"{'C' * n}[C@H](N)C(=O)O", f"{'C' * n}[C@@H](N)C(=O)O")]
    split = random_split(pairs, seed=0)
    assert (split[::2] == split[1::2]).all() and set(split) == {"train", "val", "test"}
    rings = [f"{'C' * n}c1ccccc1" for n in range(1, 30)]
    assert len(set(random_split(rings, seed=0))) == 3
    assert len(set(scaffold_split(rings, seed=0))) == 1


def test_graph_is_that_of_the_molecules():
    graph = molecular_graph(SOME)
    first = 0
    for number, smiles in enumerate(SOME):
        mol = Chem.MolFromSmiles(smiles)
        n = mol.GetNumAtoms()
        assert (graph.molecule[first : first + n] == number).all()
        own = (graph.source >= first) & (graph.source < first + n)
        found = np.zeros((n, n), int)
        np.add.at(found, (graph.source[own] - first, graph.target[own] - first), 1)
        assert (found == Chem.GetAdjacencyMatrix(mol)).all()
        first += n
    assert len(graph.atoms) == first
    assert graph.atoms.shape[1] == ATOM_FEATURES and graph.bonds.shape[1] == BOND_FEATURES


def test_reverse_of_a_bond_is_the_bond_back():
    graph = molecular_graph(SOME)
    back = graph.reverse
    assert (back[back] == np.arange(len(back))).all() and (back != np.arange(len(back))).all()
    assert (graph.source[back] == graph.target).all() and (graph.bonds[back] == graph.bonds).all()


def test_every_list_of_choices_has_exactly_one_ticked():
    graph = molecular_graph([*SOME, "C[Si](C)(C)C", "[NH4+].CC", "C"])
    places = np.cumsum([0, 13, 7, 4, 6, 4, 3])
    for low, high in pairwise(places):
        assert (graph.atoms[:, low:high].sum(axis=1) == 1).all()
    assert (graph.bonds[:, :5].sum(axis=1) == 1).all() and (graph.bonds[:, 5:9].sum(axis=1) == 1).all()


def test_graph_without_bonds_and_without_molecules():
    graph = molecular_graph(["C", "CC"])
    assert len(graph.atoms) == 3 and graph.source.tolist() == [1, 2]
    empty = molecular_graph([])
    assert empty.atoms.shape == (0, ATOM_FEATURES) and empty.bonds.shape == (0, BOND_FEATURES)


def test_graph_tells_mirror_images_and_e_from_z():
    for one, other in [("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"), ("C/C=C/C", "C/C=C\\C")]:
        a, b = molecular_graph([one]), molecular_graph([other])
        assert not (np.array_equal(a.atoms, b.atoms) and np.array_equal(a.bonds, b.bonds))
