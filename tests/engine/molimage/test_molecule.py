"""A molecule is read whatever the form it comes in, salts do not matter, and every mistake is named with its place."""

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from engine.core import Dataset, UserError
from engine.molimage.gallery import drugs, find
from engine.molimage.molecule import MOST_HEAVY_ATOMS, parse
from engine.molimage.molecule_files import from_file, molecules_for, parse_table
from engine.molimage.simulator.screen import DMSO_SMILES
from engine.molimage.smiles_faults import faults

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
SOME = list(drugs()["smiles"].iloc[::61])


@pytest.mark.parametrize("smiles", SOME)
def test_one_molecule_has_one_form_however_it_is_written(smiles):
    mol = Chem.MolFromSmiles(smiles)
    forms = {parse(Chem.MolToSmiles(mol, doRandom=True)).smiles for _ in range(5)}
    assert forms == {smiles}


@pytest.mark.parametrize(
    "given",
    [
        "CC(=O)Oc1ccccc1C(=O)[O-].[Na+]", "O.CC(=O)Oc1ccccc1C(=O)O.O", "[K]OC(=O)c1ccccc1OC(C)=O", f"  {ASPIRIN}\n", "aspirin", "ASPIRIN",
        "Acetylsalicylic acid", "InChI=1S/C9H8O4/c1-6(10)13-8-5-3-2-4-7(8)9(11)12/h2-5H,1H3,(H,11,12)",
        "CC(=O)Oc1ccccc1C(=O)[O-].NC(CO)(CO)CO", "CC(=O)Oc1ccccc1C(=O)[O-].C[NH2+]CC(O)C(O)C(O)C(O)CO",
    ],
)  # fmt: skip
def test_salts_hydrates_names_and_inchi_lead_to_the_same_molecule(given):
    read = parse(given)
    assert (read.smiles, read.name) == (Chem.CanonSmiles(ASPIRIN), "aspirin")


@pytest.mark.parametrize(
    ("charged", "double"),
    [
        ("C[S+](C)[O-]", "CS(C)=O"), ("[O-][S+](C)C", "CS(C)=O"), ("C[S+2](C)([O-])[O-]", "CS(C)(=O)=O"), ("C[Se+](C)[O-]", "C[Se](C)=O"),
        ("C[S@+]([O-])c1ccccc1", "C[S@](=O)c1ccccc1"), ("C[S@@+]([O-])c1ccccc1", "C[S@@](=O)c1ccccc1"),
        ("[Na+].C[S+]([O-])CC(=O)[O-]", "CS(=O)CC(=O)O"), ("[O-][s+]1cccc1", "O=S1C=CC=C1"),
    ],
)  # fmt: skip
def test_a_sulfoxide_written_with_charges_is_the_one_with_a_double_bond(charged, double):
    assert parse(charged).smiles == parse(double).smiles == Chem.CanonSmiles(double)


def test_the_control_is_found_by_name_and_by_both_spellings():
    found = {parse(text).smiles for text in ("DMSO", "dimethyl sulfoxide", "C[S+](C)[O-]", "CS(C)=O", "InChI=1S/C2H6OS/c1-4(2)3/h1-2H3")}
    assert found == {DMSO_SMILES}
    assert parse("CS(C)=O").name == "dimethyl sulfoxide" and parse("C[S+](C)[O-]").notes == ()
    assert parse("C[S+](C)C").smiles == "C[S+](C)C" and parse("C[N+](C)(C)[O-]").smiles == "C[N+](C)(C)[O-]"


def test_what_was_changed_is_said():
    assert parse(ASPIRIN).notes == ()
    assert "[Na+] is left out" in parse("CC(=O)Oc1ccccc1C(=O)[O-].[Na+]").notes[0]
    assert parse("Taxol").notes == ("Taxol was found as paclitaxel.",)
    assert parse("CC(=O)[O-]").notes == ("Charges were neutralised.",)
    assert "taken as a name" in parse("CCCP").notes[0] and parse("CCCP").smiles == find("CCCP").smiles


def test_counter_ion_larger_than_the_drug_is_left_out():
    pamoate = "O=C(O)c1cc2ccccc2c(Cc2c(O)c(C(=O)O)cc3ccccc23)c1O"
    assert parse(f"CN1CCN(CC1)C1=Nc2ccccc2Nc2sc(C)cc12.{pamoate}").name == "olanzapine"
    assert parse(pamoate).smiles == Chem.CanonSmiles(pamoate)


def test_permanent_charges_and_stereo_stay():
    assert parse("C[n+]1ccc(cc1)-c1ccccc1").smiles == Chem.CanonSmiles("C[n+]1ccc(cc1)-c1ccccc1")
    assert parse("C[C@H](N)C(=O)O").smiles != parse("C[C@@H](N)C(=O)O").smiles
    assert parse("C/C=C/C").smiles != parse("C/C=C\\C").smiles


def test_title_behind_a_smiles_is_its_name():
    assert parse("CCO my compound").name == "my compound"


@pytest.mark.parametrize(
    ("given", "sentence", "where"),
    [
        ("C1CC", "Ring 1 is never closed", "character 2"), ("Cc1ccc", "Ring 1 is never closed", "character 3"),
        ("CC%12CC", "Ring 12 is never closed", "character 3"), ("CC(C", r"branch is opened with \(", "character 3"),
        ("CC)C", r"bracket \) closes", "character 3"), ("C[NH", r"bracket \[ is never closed", "character 2"),
        ("CC(=O)Xc", "X is no element", "character 7"), ("CC=", "leads to no atom", "character 3"), ("C=#N", "Two bonds", "character 3"),
        ("1CC1", "cannot begin with 1", "character 1"), ("CC(C)(C)(C)CO", r"Atom 2 \(C\) has more bonds", "character 2"),
        ("CCF=O", r"Atom 3 \(F\) has more bonds", "character 3"), ("Oc1cccc1", "aromatic ring", "character 2"),
        ("CcC", r"Atom 2 \(C\) is written as aromatic", "character 2"), ("CC[Foo]", r"\[Foo\] is no atom", "character 3"),
        ("C[N](=O)=O.C1", "Ring 1", "character 13"), ("N[Pt](N)(Cl)Cl", "holds Pt", "atom 2"), ("*CC*", "left open", "atom 1"),
        ("O", "no carbon", "elements"), ("[Na+].[Cl-]", "no carbon", "elements"), ("   ", "no molecule", ""),
        ("C" * (MOST_HEAVY_ATOMS + 1), "151 heavy atoms", "size"), ("C" * 5000, "5,000 characters", ""),
        ("aspirn", "no drug called", "name"), ("cisplatin", "holds Pt", "name"), ("InChI=1S/rubbish", "InChI cannot be read", "InChI"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place(given, sentence, where):
    with pytest.raises(UserError, match=sentence) as caught:
        parse(given)
    assert caught.value.where == where


def test_a_name_almost_right_is_suggested():
    with pytest.raises(UserError, match="Did you mean aspirin"):
        parse("aspirn")


def test_largest_molecule_still_goes():
    assert parse("C" * MOST_HEAVY_ATOMS).smiles == "C" * MOST_HEAVY_ATOMS


def test_faults_are_found_exactly_where_rdkit_refuses():
    rng = np.random.default_rng(0)
    silent, refused = [], 0
    for smiles in SOME:
        for _ in range(12):
            at = rng.integers(len(smiles))
            broken = smiles[:at] + rng.choice(list("()[]12=#cNX")) + smiles[at + rng.integers(2) :]
            read = Chem.MolFromSmiles(broken) is not None
            refused += not read
            if read == bool(faults(broken)):
                silent.append(broken)
    assert refused > 150
    # a fault may be one that only RDKit sees, but then rarely; a molecule that can be read has none
    assert [each for each in silent if Chem.MolFromSmiles(each) is not None] == []
    assert len(silent) <= 0.03 * refused


def test_places_of_atoms_point_at_the_atoms():
    (fault,) = faults("CC(=O)N(C)(C)(C)C")
    assert "CC(=O)N(C)(C)(C)C"[fault.position - 1] == "N" and fault.atoms == (3,)


@pytest.mark.parametrize("is_3d", [False, True])
@pytest.mark.parametrize("name", ["quinine", "doxorubicin", "tamoxifen", "penicillin V", "caffeine", "combretastatin A-4"])
def test_mol_file_gives_the_molecule_it_was_written_from(name, is_3d):
    smiles = find(name).smiles
    mol = Chem.MolFromSmiles(smiles)
    if is_3d:
        mol = Chem.AddHs(mol)
        assert AllChem.EmbedMolecule(mol, randomSeed=1) == 0
    else:
        AllChem.Compute2DCoords(mol)
    (read,) = from_file("drawn.mol", Chem.MolToMolBlock(mol).encode())
    assert (read.smiles, read.name) == (smiles, find(name).name)


def sdf(*entries, newline="\n"):
    """Write SMILES with a title and a field NAME each."""
    blocks = []
    for smiles, title, field in entries:
        mol = Chem.MolFromSmiles(smiles, sanitize=False)
        mol.UpdatePropertyCache(strict=False)
        AllChem.Compute2DCoords(mol)
        mol.SetProp("_Name", title)
        extra = f"> <NAME>\n{field}\n\n" if field else ""
        blocks.append(Chem.MolToMolBlock(mol, kekulize=False) + extra + "$$$$\n")
    return "".join(blocks).replace("\n", newline).encode()


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_sdf_gives_every_record_with_its_name(newline):
    read = from_file("many.SDF", sdf(("CCO", "first", "other"), ("CC(=O)[O-].[Na+]", "", "second"), ("CN", "", ""), newline=newline))
    assert [(each.smiles, each.name) for each in read] == [("CCO", "first"), ("CC(=O)O", "second"), ("CN", "")]
    assert "[Na+]" in read[1].notes[0]


def test_record_at_fault_is_named():
    with pytest.raises(UserError, match=r"Molecule 2 of many.sdf: Atom 2 \(C\) has more bonds") as caught:
        from_file("many.sdf", sdf(("CCO", "", ""), ("CC(C)(C)(C)C", "", "")))
    assert caught.value.where == "many.sdf, molecule 2"
    with pytest.raises(UserError, match=r"Molecule 1 of metal.sdf: This molecule holds Fe"):
        from_file("metal.sdf", sdf(("C[Fe]C", "", "")))


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.pdb", b"x", "neither a MOL nor an SDF"), ("a.mol", b"", "holds no molecule"), ("a.sdf", b"$$$$\n$$$$\n", "holds no molecule"),
        ("a.mol", b"rubbish\nand\nmore\nrubbish", "Molecule 1 of a.mol cannot be read"), ("a.mol", b"\xff\xfe\x00\n" * 5, "cannot be read"),
        ("a.sdf", b"x\n$$$$\n" * 2001, "2,001 molecules"), ("a.sdf", b" " * (21 * 2**20), "larger than 20 MB"),
    ],
)  # fmt: skip
def test_files_that_hold_nothing_usable_are_refused(name, content, sentence):
    with pytest.raises(UserError, match=sentence):
        from_file(name, content)


def test_table_takes_smiles_names_and_doses():
    table = pd.DataFrame({"SMILES": ["OCC", "taxol", None], "name": ["mine", None, "aspirin"], "dose_um": [3, None, 0.5]})
    read = parse_table(table, dose_um=10)
    assert read["smiles"].tolist() == ["CCO", find("taxol").smiles, find("aspirin").smiles]
    assert read["name"].tolist() == ["mine", "paclitaxel", "aspirin"]
    assert read["dose_um"].tolist() == [3.0, 10.0, 0.5]


def test_rows_at_fault_are_counted_and_named():
    with pytest.raises(UserError, match=r"Row 2 of the table: Ring 1 is never closed. 2 more rows cannot be read: 3, 5.") as caught:
        parse_table(pd.DataFrame({"smiles": ["CC", "C1C", "", "CO", "CX("]}), 1.0)
    assert caught.value.where == "row 2, character 2"
    with pytest.raises(UserError, match="Row 1 of the table: the dose '-1'"):
        parse_table(pd.DataFrame({"smiles": ["CC"], "dose_um": ["-1"]}), 1.0)
    with pytest.raises(UserError, match="no column smiles"):
        parse_table(pd.DataFrame({"molecule": ["CC"]}), 1.0)


def test_dataset_with_a_column_of_smiles():
    data = Dataset(pd.DataFrame({"smiles": pd.Categorical(["CC", "OC"]), "dose_um": [1.0, 2.0]}), "mine")
    assert molecules_for(data, 5.0)["smiles"].tolist() == ["CC", "CO"]
