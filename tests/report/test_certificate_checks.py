"""What lies in a run and beside a model without being named by the certificate, and links in place of files."""

import pytest
from certified import LIST, RUN_FILES, SHARED, differing, verify

from genoaudit.errors import DataError
from genoaudit.report.verification import verify_certificate


@pytest.mark.parametrize("name", ["notes.txt", "deep/summary.html", ".hidden"])
def test_a_file_that_strangers_would_find_in_what_is_shared_differs(world, tmp_path, name):
    file = world.run / "shareable" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("P1 was a member.\n")
    for verification in (verify(world), verify_certificate(world.certificate, world.public)):
        assert f"shareable/{name}" in differing(verification)
        assert all("strangers would see it" in check.why for check in verification.differing)


@pytest.mark.parametrize(
    "name",
    [*RUN_FILES, "salts.json", "MODEL/release/recipe.json", "MODEL/release/nested", "MODEL/confidential/members.csv"],
)
def test_a_link_to_the_very_bytes_differs(world, tmp_path, name):
    place = (world.folder if name.startswith("MODEL") else world.run) / name
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    named = name.removeprefix("MODEL/").replace("release/", "model/")
    found = {check.name: check.why for check in verify(world).differing}
    assert found.pop(named).startswith("is a link")
    assert set(found) == ({"model/nested/README.md"} if name.endswith("nested") else set())


def test_linked_parts_and_links_too_many_differ(world, tmp_path):
    shared = world.run / "shareable"
    shared.rename(tmp_path / "shared")
    shared.symlink_to(tmp_path / "shared")
    assert differing(verify(world)) == {"shareable", *SHARED}
    shared.unlink()
    (tmp_path / "shared").rename(shared)
    (world.run / "more").symlink_to(tmp_path)
    (world.model / "release" / "more").symlink_to(tmp_path / "nowhere")
    assert differing(verify(world)) == {"more", "model/more"}
    (world.model / "release").rename(tmp_path / "release")
    (world.model / "release").symlink_to(tmp_path / "release")
    assert differing(verify(world)) == {"more", "model"}


def test_a_certificate_that_is_a_link_is_refused_in_a_run(world, tmp_path):
    world.certificate.rename(tmp_path / "certificate.json")
    world.certificate.symlink_to(tmp_path / "certificate.json")
    with pytest.raises(DataError, match=r"certificate\.json: is a link"):
        verify(world)


def test_a_list_of_members_that_was_altered_is_named_where_a_salt_opens_the_commitment(world):
    file = world.model / "confidential" / "members.csv"
    agreeing = {check.name: check.why for check in verify(world).checks}
    assert agreeing[LIST] == "with the commitment of the certificate"
    lines = file.read_text().splitlines(keepends=True)
    for damage in ("".join(lines[:-1]), "".join([*lines, "P0\n"]), "".join(lines[1:]), ""):
        file.write_text(damage)
        assert differing(verify(world)) == {LIST}
        [check] = [
            check
            for check in verify_certificate(world.certificate, world.public, model=world.model).checks
            if check.name == LIST
        ]
        assert check.outcome == ("not checked" if damage.startswith("patient_id") else "differs")
