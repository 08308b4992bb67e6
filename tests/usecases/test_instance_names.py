"""What instances are called: by a name in paths, and by a label that people read."""

from __future__ import annotations

import re

import pytest

from shared.errors import BadRequest
from shared.usecases.instances import instance_documents
from tests.documents import an_instance


@pytest.mark.parametrize("name", ["a", "A", "7", "shop.berlin_2-x", "x" * 64, "my-default"])
def test_a_name_may_be(name: str) -> None:
    instance_documents.check_name(name)


@pytest.mark.parametrize(
    "name", ["", "-a", ".a", "_a", "a b", "a/b", "ä", "a\n", "x" * 65, "default", "Discover", "SUPPORTED-channels"]
)
def test_a_name_may_not_be(name: str) -> None:
    with pytest.raises(BadRequest) as refused:
        instance_documents.check_name(name)
    assert list(refused.value.fields) == ["name"]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Shop", "shop"),
        ("  Übersee & Söhne, Berlin!  ", "ubersee-sohne-berlin"),
        ("--a--", "a"),
        ("x" * 60, "x" * 48),
        ("y" * 47 + " z", "y" * 47),
    ],
)
def test_a_name_is_made_of_a_label(label: str, name: str) -> None:
    assert instance_documents.name_from(label) == name


@pytest.mark.parametrize(("label", "beginning"), [("", "channel"), ("客服", "channel"), ("Default", "default")])
def test_a_label_that_makes_no_name_of_its_own_gets_a_random_ending(label: str, beginning: str) -> None:
    names = {instance_documents.name_from(label) for _ in range(20)}
    assert len(names) > 1
    assert all(re.fullmatch(f"{beginning}-[0-9a-f]{{6}}", name) for name in names)
    assert len(instance_documents.varied("x" * 60)) == 48 + 7


def test_people_read_the_owners_label_else_the_providers_else_the_name() -> None:
    nameless = an_instance("whatsapp_evolution", name="shop", display_name=None, metadata={})
    assert (instance_documents.label(nameless), instance_documents.own_label(nameless)) == ("shop", None)
    named_by_provider = nameless.model_copy(update={"display_name": "ACME"})
    assert instance_documents.label(named_by_provider) == "ACME"
    metadata = instance_documents.labelled({"floor": 2}, "Reception")
    labelled = named_by_provider.model_copy(update={"metadata": metadata})
    assert (instance_documents.label(labelled), instance_documents.own_label(labelled)) == ("Reception", "Reception")
    assert instance_documents.public_metadata(labelled) == {"floor": 2}
    assert instance_documents.labelled({"floor": 2}, None) == {"floor": 2}
    assert instance_documents.label(named_by_provider.model_copy(update={"metadata": {"_label": 7}})) == "ACME"


@pytest.mark.parametrize(("text", "refused"), [(None, False), ("", False), ("Shop", False), ("a\u202eb", True)])
def test_a_label_that_misleads_is_refused(text: str | None, refused: bool) -> None:
    if not refused:
        instance_documents.check_label(text)
        return
    with pytest.raises(BadRequest):
        instance_documents.check_label(text)


@pytest.mark.parametrize("id_", [None, "", "x" * 255])
def test_an_account_of_the_provider_may_have_the_id(id_: str | None) -> None:
    instance_documents.check_external_id(id_)


def test_an_account_of_the_provider_has_no_longer_id() -> None:
    with pytest.raises(BadRequest):
        instance_documents.check_external_id("x" * 256)
