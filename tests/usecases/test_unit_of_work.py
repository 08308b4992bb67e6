"""A unit of work reads models, writes the changed fields, and detects concurrent changes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.campaigns import CampaignCounters
from shared.domain.customers import Customer, Preferences
from shared.domain.messages import EarlyNote, MessageAlias
from shared.errors import AlreadyExists, Conflict, NotFound
from shared.ports.store import Increment, Merge, Ref
from tests import refs
from tests.overlaps import overlapping, overlaps

NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)


@pytest.fixture
def hub_deps(deps: Deps) -> Deps:
    return overlapping(deps)


def _customer(customer_id: str = "ada", **fields: object) -> Customer:
    return Customer.model_validate(
        {"id": customer_id, "tenant_id": "acme", "name": "Ada", "created_at": NOW, "updated_at": NOW, **fields}
    )


def _store(deps: Deps, *customers: Customer) -> None:
    def attempt(unit: UnitOfWork) -> None:
        for customer in customers:
            unit.customers.add(customer)

    run_with_retry(deps, attempt)


def _stored(deps: Deps, customer_id: str = "ada") -> Customer | None:
    return UnitOfWork(deps.store).customers.of_any_tenant(customer_id)


def test_only_the_fields_that_were_changed_are_written(hub_deps: Deps) -> None:
    _store(hub_deps, _customer())
    slow = UnitOfWork(hub_deps.store)
    slow.customers.patch("ada", email="ada@example.org")

    def rename(unit: UnitOfWork) -> None:
        unit.customers.owned("acme", "ada").name = "Ada L."

    run_with_retry(hub_deps, rename)
    slow.commit()

    customer = _stored(hub_deps)
    assert customer is not None
    assert (customer.name, customer.email) == ("Ada L.", "ada@example.org")


def test_a_decision_is_taken_again_from_its_reads_when_another_writes_first(hub_deps: Deps) -> None:
    _store(hub_deps, _customer(tags=["vip"]))

    def add_tag(tag: str) -> None:
        def attempt(unit: UnitOfWork) -> None:
            customer = unit.customers.owned("acme", "ada")
            customer.tags = [*customer.tags, tag]

        run_with_retry(hub_deps, attempt)

    overlaps(hub_deps).store.before_commit("customers", lambda: add_tag("first"))
    add_tag("second")

    customer = _stored(hub_deps)
    assert customer is not None
    assert customer.tags == ["vip", "first", "second"]


def test_what_follows_a_commit_happens_once_and_only_after_the_one_that_succeeded(hub_deps: Deps) -> None:
    _store(hub_deps, _customer())
    announced: list[str | None] = []

    def rename(name: str) -> None:
        def attempt(unit: UnitOfWork) -> None:
            customer = unit.customers.owned("acme", "ada")
            customer.name = f"{customer.name} {name}"
            unit.after_commit(lambda: announced.append(customer.name))

        run_with_retry(hub_deps, attempt)

    overlaps(hub_deps).store.before_commit("customers", lambda: rename("B"))
    rename("C")

    assert announced == ["Ada B", "Ada B C"]


def test_a_conflict_is_raised_when_patience_is_over(hub_deps: Deps) -> None:
    _store(hub_deps, _customer())

    def overtaken(unit: UnitOfWork) -> None:
        unit.customers.owned("acme", "ada").name = "late"
        _rename(hub_deps, "early")

    with pytest.raises(Conflict):
        run_with_retry(hub_deps, overtaken, patience=0)
    customer = _stored(hub_deps)
    assert customer is not None
    assert customer.name == "early"


def _rename(deps: Deps, name: str) -> None:
    unit = UnitOfWork(deps.store)
    unit.customers.patch("ada", name=name)
    unit.commit()


def test_another_tenants_document_is_not_there(hub_deps: Deps) -> None:
    _store(hub_deps, _customer(), _customer("bob", tenant_id="other"))
    unit = UnitOfWork(hub_deps.store)
    with pytest.raises(NotFound, match="There is no such customer"):
        unit.customers.owned("other", "ada")
    assert unit.customers.owned_or_none("acme", "bob") is None
    assert unit.customers.owned_or_none("acme", "nobody") is None
    assert [customer.id for customer in unit.customers.owned_many("acme", ["bob", "ada", "nobody"])] == ["ada"]


def test_documents_of_several_collections_cost_one_round_trip(hub_deps: Deps) -> None:
    _store(hub_deps, _customer())
    reads: list[None] = []
    unit = UnitOfWork(hub_deps.store)
    unit.fetch(unit.customers.key("ada"), unit.tenants.key("acme"))
    overlaps(hub_deps).store.after_read("customers", lambda: reads.append(None))
    assert unit.customers.owned("acme", "ada").name == "Ada"
    assert unit.tenants.get("acme") is None
    assert reads == []


def test_a_document_that_has_not_changed_is_not_written(hub_deps: Deps) -> None:
    _store(hub_deps, _customer())
    unit = UnitOfWork(hub_deps.store)
    unit.customers.owned("acme", "ada").name = "Ada"
    _rename(hub_deps, "Ada L.")
    unit.commit()
    customer = _stored(hub_deps)
    assert customer is not None
    assert customer.name == "Ada L."


def test_a_document_that_must_not_change_meanwhile_fails_the_commit(hub_deps: Deps) -> None:
    _store(hub_deps, _customer())
    unit = UnitOfWork(hub_deps.store)
    unit.customers.expect_unchanged(unit.customers.owned("acme", "ada"))
    unit.customers.add(_customer("bob"))
    _rename(hub_deps, "Ada L.")
    with pytest.raises(Conflict):
        unit.commit()
    assert _stored(hub_deps, "bob") is None


def test_nothing_is_expected_of_a_document_that_was_not_read(hub_deps: Deps) -> None:
    unit = UnitOfWork(hub_deps.store)
    with pytest.raises(LookupError):
        unit.customers.expect_unchanged(_customer())


def test_a_new_document_may_be_changed_until_the_commit(hub_deps: Deps) -> None:
    def attempt(unit: UnitOfWork) -> None:
        customer = unit.customers.add(_customer())
        customer.email = "ada@example.org"

    run_with_retry(hub_deps, attempt)
    customer = _stored(hub_deps)
    assert customer is not None
    assert customer.email == "ada@example.org"


def test_a_document_that_exists_is_not_made_again(hub_deps: Deps) -> None:
    _store(hub_deps, _customer())
    with pytest.raises(AlreadyExists):
        run_with_retry(hub_deps, lambda unit: unit.customers.add(_customer(name="Other")), create_once=True)
    customer = _stored(hub_deps)
    assert customer is not None
    assert customer.name == "Ada"


def test_the_decision_is_run_again_and_sees_the_document_that_came_first(hub_deps: Deps) -> None:
    def find_or_add(unit: UnitOfWork) -> str | None:
        return (unit.customers.owned_or_none("acme", "ada") or unit.customers.add(_customer(name="second"))).name

    overlaps(hub_deps).store.before_commit("customers", lambda: _store(hub_deps, _customer(name="first")))
    assert run_with_retry(hub_deps, find_or_add) == "first"


def test_maps_are_changed_entry_by_entry_and_entries_can_go(hub_deps: Deps) -> None:
    unit = UnitOfWork(hub_deps.store)
    unit.routing_rules.patch("acme", tenant_id="acme", rules=[])
    unit.instance_sets.patch("acme", next_slug={"sms": 2, "email": 5}, count=2)
    unit.commit()

    def attempt(unit: UnitOfWork) -> None:
        instances = unit.instance_sets.get("acme")
        assert instances is not None
        instances.next_slug = {"sms": 3}

    run_with_retry(hub_deps, attempt)
    ref = Ref("instance_sets", "acme")
    assert hub_deps.store.get([ref])[ref].data == {"next_slug": {"sms": 3}, "count": 2}


def test_counters_of_documents_that_nobody_reads_add_up(hub_deps: Deps) -> None:
    for _ in range(2):
        unit = UnitOfWork(hub_deps.store)
        unit.campaign_counters.patch("spring-0", responses=Increment(1))
        unit.commit()
    unit = UnitOfWork(hub_deps.store)
    counters = unit.campaign_counters.get("spring-0")
    unit.campaign_counters.patch("spring-0", responses=Increment(3), conversions=4)
    unit.commit()
    assert counters == CampaignCounters(responses=2, conversions=4)
    assert UnitOfWork(hub_deps.store).campaign_counters.get("spring-0") == CampaignCounters(responses=5, conversions=4)


def test_a_field_that_the_model_does_not_have_is_refused(hub_deps: Deps) -> None:
    unit = UnitOfWork(hub_deps.store)
    with pytest.raises(AttributeError, match="Conversation has no field needs_humans"):
        unit.conversations.patch("c", needs_humans=True)
    with pytest.raises(AttributeError):
        unit.message_records.patch("m", alias_of="other")


def test_putting_writes_over_what_was_read_and_over_nothing_newer(hub_deps: Deps) -> None:
    unit = UnitOfWork(hub_deps.store)
    note = unit.message_records.put(EarlyNote(expires_at=NOW), "place")
    unit.commit()
    reader, late = UnitOfWork(hub_deps.store), UnitOfWork(hub_deps.store)
    assert reader.message_records.get("place") == late.message_records.get("place") == note
    reader.message_records.put(MessageAlias(alias_of="ours"), "place")
    reader.commit()
    ref = Ref("messages", "place")
    assert hub_deps.store.get([ref])[ref].data == {"alias_of": "ours"}
    late.message_records.put(MessageAlias(alias_of="theirs"), "place")
    with pytest.raises(Conflict):
        late.commit()


def test_a_document_is_removed_as_it_was_read(hub_deps: Deps) -> None:
    _store(hub_deps, _customer(), _customer("bob"))
    unit = UnitOfWork(hub_deps.store)
    unit.customers.owned("acme", "ada")
    unit.customers.remove("ada")
    unit.customers.remove("bob")
    assert unit.customers.owned_or_none("acme", "ada") is None
    _rename(hub_deps, "Ada L.")
    with pytest.raises(Conflict):
        unit.commit()

    def remove_both(unit: UnitOfWork) -> None:
        unit.customers.owned("acme", "ada")
        unit.customers.remove("ada")
        unit.customers.remove("bob")

    run_with_retry(hub_deps, remove_both)
    assert _stored(hub_deps) is None
    assert _stored(hub_deps, "bob") is None


def test_a_document_that_was_only_planned_leaves_no_trace(hub_deps: Deps) -> None:
    unit = UnitOfWork(hub_deps.store)
    unit.customers.add(_customer())
    unit.customers.remove("ada")
    unit.commit()
    assert _stored(hub_deps) is None


def test_queries_name_fields_of_the_model_and_give_models(hub_deps: Deps) -> None:
    _store(hub_deps, *(_customer(name, created_at=NOW.replace(hour=hour)) for hour, name in enumerate("abc")))
    customers = UnitOfWork(hub_deps.store).customers
    query = customers.query().where(lambda customer: customer.tenant_id, "==", "acme")
    query = query.where(lambda customer: customer.merged_into, "==", None)
    newest_first = query.order_by(lambda customer: customer.created_at, descending=True)
    page = newest_first.page(limit=2)
    assert [customer.id for customer in page.documents] == ["c", "b"]
    assert [customer.id for customer in newest_first.page(limit=2, cursor=page.cursor).documents] == ["a"]
    assert query.count() == 3
    first = newest_first.first()
    assert first is not None
    assert first.id == "c"


def test_documents_of_a_tracked_page_are_written_back(hub_deps: Deps) -> None:
    _store(hub_deps, _customer(preferences=Preferences(language="en")))

    def translate(unit: UnitOfWork) -> None:
        query = unit.customers.query().where(lambda customer: customer.preferences.language, "==", "en")
        for customer in query.tracked_page().documents:
            customer.preferences.language = "pt"

    run_with_retry(hub_deps, translate)
    customer = _stored(hub_deps)
    assert customer is not None
    assert customer.preferences.language == "pt"


def test_every_document_of_a_query_is_read_page_by_page(hub_deps: Deps) -> None:
    _store(hub_deps, *(_customer(name, created_at=NOW.replace(hour=hour)) for hour, name in enumerate("abc")))
    query = UnitOfWork(hub_deps.store).customers.query().where(lambda customer: customer.tenant_id, "==", "acme")
    query = query.where(lambda customer: customer.merged_into, "==", None)
    query = query.order_by(lambda customer: customer.created_at, descending=True)
    assert [customer.id for customer in query.every(page_size=2)] == ["c", "b", "a"]


def test_documents_in_units_of_their_own_are_committed_one_by_one(hub_deps: Deps) -> None:
    _store(hub_deps, _customer(), _customer("bob"))
    ada, bob = UnitOfWork(hub_deps.store).customers.in_units(["ada", "nobody", "bob"])
    ada.read().name, bob.read().name = "Ada B.", "Bob B."
    _rename(hub_deps, "Ada L.")
    with pytest.raises(Conflict):
        ada.unit.commit()
    bob.unit.commit()
    names = [customer.name for customer in (_stored(hub_deps), _stored(hub_deps, "bob")) if customer]
    assert names == ["Ada L.", "Bob B."]


def test_changes_are_converted_as_the_model_says(hub_deps: Deps) -> None:
    _store(hub_deps, _customer())

    def attempt(unit: UnitOfWork) -> None:
        customer = unit.customers.owned("acme", "ada")
        unit.customers.change(customer, {"name": "Ada L.", "preferences": {"language": "en"}})

    run_with_retry(hub_deps, attempt)
    customer = _stored(hub_deps)
    assert customer is not None
    assert (customer.name, customer.preferences) == ("Ada L.", Preferences(language="en"))


@pytest.mark.parametrize(
    ("changes", "error"), [({"nickname": "Ada"}, AttributeError), ({"tags": "vip"}, ValidationError)]
)
def test_changes_that_the_model_does_not_have_are_refused(
    hub_deps: Deps, changes: dict[str, object], error: type[Exception]
) -> None:
    _store(hub_deps, _customer())
    unit = UnitOfWork(hub_deps.store)
    with pytest.raises(error):
        unit.customers.change(unit.customers.owned("acme", "ada"), changes)


def test_a_query_names_one_field(hub_deps: Deps) -> None:
    query = UnitOfWork(hub_deps.store).customers.query()
    with pytest.raises(TypeError, match="one field"):
        query.where(lambda customer: "acme", "==", "acme")


def test_a_model_that_is_changed_in_place_is_written(hub_deps: Deps) -> None:
    _store(hub_deps, _customer())

    def attempt(unit: UnitOfWork) -> None:
        unit.customers.owned("acme", "ada").tags.append("vip")

    run_with_retry(hub_deps, attempt)
    customer = _stored(hub_deps)
    assert customer is not None
    assert customer.tags == ["vip"]


def test_every_collection_has_a_model_that_can_be_loaded() -> None:
    names = [name for name in vars(UnitOfWork) if not name.startswith("_")]
    for name in names:
        schema = getattr(UnitOfWork, name)
        if hasattr(schema, "collection"):
            assert callable(schema.parse), f"the model of {name} cannot be imported"


def test_the_next_attempt_sees_the_document_that_it_could_not_create(hub_deps: Deps) -> None:
    _store(hub_deps, _customer(name="first"), _customer("bob"))
    reads: list[None] = []

    def add_or_use(unit: UnitOfWork) -> str | None:
        existing = unit.customers.collided_with("ada")
        if existing is None:
            unit.customers.add(_customer(name="second"))
            overlaps(hub_deps).store.after_read("customers", lambda: reads.append(None))
            return None
        assert unit.customers.collided_with("bob") is None, "no attempt was to create that one"
        existing.email = "ada@example.org"
        return existing.name

    assert run_with_retry(hub_deps, add_or_use) == "first"
    assert reads == []
    customer = _stored(hub_deps)
    assert customer is not None
    assert (customer.name, customer.email) == ("first", "ada@example.org")


@pytest.mark.parametrize(
    ("collision", "name"),
    [
        (None, None),
        (AlreadyExists(), "Ada"),
        (AlreadyExists(refs.customer("ada")), "Ada"),
        (AlreadyExists(refs.customer("bob")), None),
    ],
    ids=["no collision", "unnamed", "of this", "of another"],
)
def test_a_document_that_may_be_why_the_last_attempt_failed_is_looked_for(
    hub_deps: Deps, collision: AlreadyExists | None, name: str | None
) -> None:
    _store(hub_deps, _customer())
    existing = UnitOfWork(hub_deps.store, collision).customers.collided_with("ada")
    assert (existing.name if existing else None) == name


@pytest.mark.parametrize("is_read", [True, False], ids=["read before", "not read"])
def test_increments_within_a_map_are_added_to_what_is_there(hub_deps: Deps, is_read: bool) -> None:
    ref = Ref("instance_sets", "acme")
    hub_deps.store.commit([Merge(ref, {"next_slug": {"sms": 3}, "count": 2})])
    unit = UnitOfWork(hub_deps.store)
    if is_read:
        unit.instance_sets.get("acme")
    unit.instance_sets.patch("acme", next_slug={"sms": Increment(2), "line": Increment(1)})
    unit.commit()
    assert hub_deps.store.get([ref])[ref].data == {"next_slug": {"sms": 5, "line": 1}, "count": 2}


def test_the_first_attempt_may_go_on_in_a_unit_that_has_read_already(hub_deps: Deps) -> None:
    _store(hub_deps, _customer())
    unit = UnitOfWork(hub_deps.store)
    unit.customers.owned("acme", "ada")
    _rename(hub_deps, "Ada L.")
    seen: list[str | None] = []

    def add_tag(unit: UnitOfWork) -> None:
        customer = unit.customers.owned("acme", "ada")
        seen.append(customer.name)
        customer.tags = ["vip"]

    run_with_retry(hub_deps, add_tag, unit=unit)
    assert seen == ["Ada", "Ada L."]


def test_each_document_of_a_page_can_have_a_unit_of_its_own(hub_deps: Deps) -> None:
    _store(hub_deps, _customer("ada"), _customer("bob"))
    hub_deps.store.commit([Merge(Ref("customers", "eve"), {"tenant_id": "acme"})])
    query = UnitOfWork(hub_deps.store).customers.query().where(lambda customer: customer.tenant_id, "==", "acme")
    ada, bob, malformed = sorted(query.unit_page().documents, key=lambda document: document.id)
    _rename(hub_deps, "Ada L.")
    for document in (ada, bob):
        document.read().tags = ["vip"]
    bob.unit.commit()
    with pytest.raises(Conflict):
        ada.unit.commit()
    with pytest.raises(ValidationError):
        malformed.read()
    customer = _stored(hub_deps, "bob")
    assert customer is not None
    assert customer.tags == ["vip"]


def test_a_decision_is_taken_again_until_it_holds(hub_deps: Deps) -> None:
    attempts: list[UnitOfWork] = []

    def attempt(unit: UnitOfWork) -> str:
        attempts.append(unit)
        if len(attempts) < 4:
            raise Conflict
        return "held"

    assert run_with_retry(hub_deps, attempt) == "held"
    assert len(set(attempts)) == 4


def test_another_error_than_a_conflict_is_not_retried(hub_deps: Deps) -> None:
    attempts: list[UnitOfWork] = []

    def attempt(unit: UnitOfWork) -> None:
        attempts.append(unit)
        raise NotFound("There is no such thing")

    with pytest.raises(NotFound):
        run_with_retry(hub_deps, attempt)
    assert len(attempts) == 1
