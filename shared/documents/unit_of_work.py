"""A unit of work: what one decision reads, and what it writes in one commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel

from shared.documents import authorship
from shared.documents.collection import M, Schema, SharedCollection, TenantCollection
from shared.documents.query import DocumentPage, DocumentUnit, Key, Query
from shared.documents.tracking import TrackedDocument
from shared.errors import AlreadyExists
from shared.ports.store import Create, Data, Delete, Document, Merge, Ref, Set, Store, Write

if TYPE_CHECKING:
    from shared.channelkit.auth import ChannelAuth
    from shared.domain.access import AccessRuleSet
    from shared.domain.accounts import (
        AccountLink,
        ApiKey,
        EmailUsers,
        LoginFailures,
        RateUsage,
        RefreshToken,
        Tenant,
        User,
    )
    from shared.domain.agents import (
        Agent,
        AgentCollaboration,
        AgentRun,
        AgentTeam,
        AiUsage,
        KnowledgeText,
        TeamNameReservation,
        ToolUsage,
    )
    from shared.domain.analytics import DayDocument, HourDocument, RollUpState
    from shared.domain.audit import AuditChain, AuditEntry
    from shared.domain.availability import Availability
    from shared.domain.calls import Call
    from shared.domain.campaigns import Campaign, CampaignConversion, CampaignCounters, CampaignRecipient, DuePosition
    from shared.domain.canned_replies import CannedReply, CannedReplyCode
    from shared.domain.conversations import Conversation, ConversationTag
    from shared.domain.customers import Customer, CustomerTag, Identity
    from shared.domain.erasures import Erasure
    from shared.domain.event_log import EventStream, LoggedEvent
    from shared.domain.files import FileCopy, FileUsage, StoredContent
    from shared.domain.forge import ForgeSettings
    from shared.domain.instances import (
        AddressReservation,
        InstallState,
        Instance,
        InstanceSet,
        NameReservation,
        PairingLease,
        Removal,
        SequenceCounter,
    )
    from shared.domain.merges import CustomerMerge
    from shared.domain.message_templates import MessageTemplate
    from shared.domain.messages import Message, MessageRecord
    from shared.domain.notifications import Notification, ReadNotifications
    from shared.domain.outbox import OutboxItem
    from shared.domain.ratings import Rating
    from shared.domain.routing import RuleSet
    from shared.domain.service_levels import ServiceLevels
    from shared.domain.webhook_endpoints import WebhookDelivery, WebhookEndpoint


class UnitOfWork:
    """Reads documents as models, remembers their versions, and commits what was changed, all of it or nothing.

    Of a changed document only the changed fields are written, at the version that was read. `commit` raises `Conflict`
    when one of them was changed by somebody else meanwhile, and ends the unit: the next decision begins a new one.

    The class attributes are all collections of the hub.
    """

    tenants: SharedCollection[Tenant] = SharedCollection("tenants", "shared.domain.accounts:Tenant", "business")
    users: TenantCollection[User] = TenantCollection("users", "shared.domain.accounts:User", "user")
    availabilities: TenantCollection[Availability] = TenantCollection(
        "availabilities", "shared.domain.availability:Availability", "availability"
    )
    emails: SharedCollection[EmailUsers] = SharedCollection(
        "emails", "shared.domain.accounts:EmailUsers", "e-mail address"
    )
    refresh_tokens: SharedCollection[RefreshToken] = SharedCollection(
        "refresh_tokens", "shared.domain.accounts:RefreshToken", "refresh token"
    )
    account_links: TenantCollection[AccountLink] = TenantCollection(
        "account_links", "shared.domain.accounts:AccountLink", "invitation"
    )
    rate_usage: SharedCollection[RateUsage] = SharedCollection(
        "rate_usage", "shared.domain.accounts:RateUsage", "count of calls"
    )
    api_keys: TenantCollection[ApiKey] = TenantCollection("api_keys", "shared.domain.accounts:ApiKey", "API key")
    login_failures: SharedCollection[LoginFailures] = SharedCollection(
        "login_failures", "shared.domain.accounts:LoginFailures", "count of wrong passwords"
    )

    agents: TenantCollection[Agent] = TenantCollection("agents", "shared.domain.agents:Agent", "agent")
    agent_teams: TenantCollection[AgentTeam] = TenantCollection("agent_teams", "shared.domain.agents:AgentTeam", "team")
    agent_team_names: SharedCollection[TeamNameReservation] = SharedCollection(
        "agent_team_names", "shared.domain.agents:TeamNameReservation", "team name"
    )
    collaborations: TenantCollection[AgentCollaboration] = TenantCollection(
        "collaborations", "shared.domain.agents:AgentCollaboration", "collaboration"
    )

    knowledge_texts: TenantCollection[KnowledgeText] = TenantCollection(
        "knowledge_texts", "shared.domain.agents:KnowledgeText", "file"
    )
    agent_runs: SharedCollection[AgentRun] = SharedCollection(
        "agent_runs", "shared.domain.agents:AgentRun", "run of an agent"
    )
    tool_usage: SharedCollection[ToolUsage] = SharedCollection(
        "tool_usage", "shared.domain.agents:ToolUsage", "count of tool calls"
    )
    ai_usage: SharedCollection[AiUsage] = SharedCollection("ai_usage", "shared.domain.agents:AiUsage", "cost of models")

    instances: TenantCollection[Instance] = TenantCollection(
        "instances", "shared.domain.instances:Instance", "instance", not_found="Instance not found"
    )
    instance_names: SharedCollection[NameReservation] = SharedCollection(
        "instance_names", "shared.domain.instances:NameReservation", "instance name"
    )
    instance_addresses: SharedCollection[AddressReservation] = SharedCollection(
        "instance_addresses", "shared.domain.instances:AddressReservation", "account"
    )
    removals: SharedCollection[Removal] = SharedCollection(
        "removals", "shared.domain.instances:Removal", "removal of an instance"
    )
    instance_sets: SharedCollection[InstanceSet] = SharedCollection(
        "instance_sets", "shared.domain.instances:InstanceSet", "set of instances"
    )
    instance_sequence: SharedCollection[SequenceCounter] = SharedCollection(
        "counters", "shared.domain.instances:SequenceCounter", "counter"
    )
    channel_auth: TenantCollection[ChannelAuth] = TenantCollection(
        "channel_auth", "shared.channelkit.auth:ChannelAuth", "login", id_of=lambda login: login.instance_id
    )
    pairing_leases: SharedCollection[PairingLease] = SharedCollection(
        "leases", "shared.domain.instances:PairingLease", "lease"
    )
    install_states: SharedCollection[InstallState] = SharedCollection(
        "install_states", "shared.domain.instances:InstallState", "installation"
    )

    customers: TenantCollection[Customer] = TenantCollection(
        "customers", "shared.domain.customers:Customer", "customer"
    )
    customer_tags: TenantCollection[CustomerTag] = TenantCollection(
        "customer_tags", "shared.domain.customers:CustomerTag", "tag"
    )
    customer_merges: TenantCollection[CustomerMerge] = TenantCollection(
        "customer_merges", "shared.domain.merges:CustomerMerge", "merge"
    )
    erasures: TenantCollection[Erasure] = TenantCollection("erasures", "shared.domain.erasures:Erasure", "erasure")
    identities: TenantCollection[Identity] = TenantCollection(
        "identities", "shared.domain.customers:Identity", "identity"
    )

    conversations: TenantCollection[Conversation] = TenantCollection(
        "conversations", "shared.domain.conversations:Conversation", "conversation or session"
    )
    conversation_tags: TenantCollection[ConversationTag] = TenantCollection(
        "conversation_tags", "shared.domain.conversations:ConversationTag", "tag"
    )
    messages: TenantCollection[Message] = TenantCollection("messages", "shared.domain.messages:Message", "message")
    message_records: SharedCollection[MessageRecord] = SharedCollection(
        "messages", "shared.domain.messages:message_record", "message"
    )
    outbox: TenantCollection[OutboxItem] = TenantCollection("outbox", "shared.domain.outbox:OutboxItem", "outbox item")
    file_copies: TenantCollection[FileCopy] = TenantCollection(
        "file_copies", "shared.domain.files:FileCopy", "copy of a file"
    )
    stored_contents: TenantCollection[StoredContent] = TenantCollection(
        "stored_contents", "shared.domain.files:StoredContent", "content of a file"
    )
    file_usage: SharedCollection[FileUsage] = SharedCollection(
        "file_usage", "shared.domain.files:FileUsage", "size of files"
    )
    message_templates: TenantCollection[MessageTemplate] = TenantCollection(
        "message_templates", "shared.domain.message_templates:MessageTemplate", "template"
    )
    canned_replies: TenantCollection[CannedReply] = TenantCollection(
        "canned_replies", "shared.domain.canned_replies:CannedReply", "canned reply"
    )
    canned_reply_codes: SharedCollection[CannedReplyCode] = SharedCollection(
        "canned_reply_codes", "shared.domain.canned_replies:CannedReplyCode", "short code"
    )
    calls: TenantCollection[Call] = TenantCollection("calls", "shared.domain.calls:Call", "call")
    ratings: TenantCollection[Rating] = TenantCollection("ratings", "shared.domain.ratings:Rating", "rating")
    access_rules: SharedCollection[AccessRuleSet] = SharedCollection(
        "access_rules",
        "shared.domain.access:AccessRuleSet",
        "set of access rules",
        id_of=lambda rule_set: rule_set.tenant_id,
    )
    routing_rules: SharedCollection[RuleSet] = SharedCollection(
        "routing_rules",
        "shared.domain.routing:RuleSet",
        "set of routing rules",
        id_of=lambda rule_set: rule_set.tenant_id,
    )

    service_levels: SharedCollection[ServiceLevels] = SharedCollection(
        "service_levels",
        "shared.domain.service_levels:ServiceLevels",
        "set of business hours and policies",
        id_of=lambda levels: levels.tenant_id,
    )

    campaigns: TenantCollection[Campaign] = TenantCollection(
        "campaigns", "shared.domain.campaigns:Campaign", "campaign"
    )
    campaign_recipients: TenantCollection[CampaignRecipient] = TenantCollection(
        "campaign_recipients", "shared.domain.campaigns:CampaignRecipient", "recipient"
    )
    campaign_counters: SharedCollection[CampaignCounters] = SharedCollection(
        "campaign_counters", "shared.domain.campaigns:CampaignCounters", "campaign counter"
    )
    campaign_conversions: SharedCollection[CampaignConversion] = SharedCollection(
        "campaign_conversions", "shared.domain.campaigns:CampaignConversion", "conversion"
    )

    notifications: TenantCollection[Notification] = TenantCollection(
        "notifications", "shared.domain.notifications:Notification", "notification"
    )
    personal_notifications: TenantCollection[Notification] = TenantCollection(
        "personal_notifications", "shared.domain.notifications:Notification", "notification"
    )
    read_notifications: TenantCollection[ReadNotifications] = TenantCollection(
        "read_notifications", "shared.domain.notifications:ReadNotifications", "mark of notifications"
    )
    event_streams: SharedCollection[EventStream] = SharedCollection(
        "event_streams",
        "shared.domain.event_log:EventStream",
        "event stream",
        id_of=lambda stream: stream.tenant_id,
    )
    event_log: TenantCollection[LoggedEvent] = TenantCollection(
        "event_log", "shared.domain.event_log:LoggedEvent", "event"
    )
    webhook_endpoints: TenantCollection[WebhookEndpoint] = TenantCollection(
        "webhook_endpoints", "shared.domain.webhook_endpoints:WebhookEndpoint", "webhook"
    )
    webhook_deliveries: TenantCollection[WebhookDelivery] = TenantCollection(
        "webhook_deliveries", "shared.domain.webhook_endpoints:WebhookDelivery", "delivery"
    )
    hours: SharedCollection[HourDocument] = SharedCollection("stats", "shared.domain.analytics:HourDocument", "hour")
    days: SharedCollection[DayDocument] = SharedCollection("stats_days", "shared.domain.analytics:DayDocument", "day")
    roll_up: SharedCollection[RollUpState] = SharedCollection(
        "counters", "shared.domain.analytics:RollUpState", "state of the roll-up"
    )
    due_campaigns: SharedCollection[DuePosition] = SharedCollection(
        "sweep_positions", "shared.domain.campaigns:DuePosition", "position among due campaigns"
    )
    forge_settings: SharedCollection[ForgeSettings] = SharedCollection(
        "forge_settings",
        "shared.domain.forge:ForgeSettings",
        "Forge settings",
        id_of=lambda settings: settings.tenant_id,
    )

    audit_entries: TenantCollection[AuditEntry] = TenantCollection(
        "audit_entries", "shared.domain.audit:AuditEntry", "entry of the audit log"
    )
    audit_chains: SharedCollection[AuditChain] = SharedCollection(
        "audit_chains", "shared.domain.audit:AuditChain", "audit log", id_of=lambda chain: chain.tenant_id
    )

    def __init__(self, store: Store, collision: AlreadyExists | None = None) -> None:
        """`collision` is why the attempt before this one could not be committed; see `Documents.existing`."""
        self._store = store
        self._collision = collision
        self._preloaded: dict[Ref, Document] = {}
        if collision is not None and collision.document is not None:
            self.preload(collision.document)
        self._tracked: dict[Ref, TrackedDocument | None] = {}
        self._removed: dict[Ref, Data] = {}
        self._writes: list[Write] = []
        self._before_commit: list[Callable[[], object]] = []
        self._after_commit: list[Callable[[], object]] = []

    def fetch(self, *keys: Key) -> None:
        """Read documents of several collections in one round trip; reading them by id afterwards costs none."""
        self.read(keys)

    def before_commit(self, action: Callable[[], object]) -> None:
        """Do something when all is decided and about to be committed: writing down what came of it, mostly."""
        self._before_commit.append(action)

    def after_commit(self, action: Callable[[], object]) -> None:
        """Do something once the commit has succeeded, in the order of these calls: waking others, mostly."""
        self._after_commit.append(action)

    def commit(self) -> None:
        """Write everything in one round trip, none if nothing has changed.

        Raises `Conflict` for a document that is not as it was read, `AlreadyExists` for one that was to be created.
        """
        for action in self._before_commit:
            action()
        changes = (document.change(ref) for ref, document in self._tracked.items() if document is not None)
        writes = [*(change for change in changes if change is not None), *self._writes]
        if writes:
            self._store.commit(self._with_audit(writes))

    def _with_audit(self, writes: list[Write]) -> list[Write]:
        """The writes, and the entry of the audit log where somebody asked for them."""
        author = authorship.current()
        if author is None:
            return writes
        from shared.documents import auditing  # noqa: PLC0415 - costs cold start, and webhooks have no author

        entry = auditing.entry_of(author, writes, self._former)
        if entry is None:
            return writes
        return [*writes, Create(UnitOfWork.audit_entries.ref(entry.id), entry.model_dump())]

    def _former(self, ref: Ref) -> Data | None:
        """The fields that a document had when this unit read it."""
        tracked = self._tracked.get(ref)
        return tracked.former if tracked is not None else self._removed.get(ref)

    def run_after_commit(self) -> None:
        """Run the actions that were left for after the commit."""
        for action in self._after_commit:
            action()

    def scrub_store(self) -> None:
        """Have what was deleted before leave no trace in the store's own files; may take seconds."""
        self._store.scrub()

    # What collections and queries are built on.

    def preload(self, document: Document) -> None:
        """Take up a document as it was read elsewhere: reading it by its id costs no round trip then."""
        self._preloaded[document.ref] = document

    def may_have_collided(self, ref: Ref) -> bool:
        """Whether the attempt before this one may have failed because this document exists."""
        return self._collision is not None and self._collision.ref in (None, ref)

    def read(self, keys: Sequence[Key]) -> list[BaseModel | None]:
        """The documents at these keys; None for one that does not exist."""
        refs = [key.ref for key in keys]
        unread = {ref: key for ref, key in zip(refs, keys, strict=True) if ref not in self._tracked}
        missing = [ref for ref in unread if ref not in self._preloaded]
        documents = self._preloaded | (self._store.get(missing) if missing else {})
        for ref, key in unread.items():
            document = documents.get(ref)
            self._tracked[ref] = TrackedDocument.read(key.schema, document) if document else None
        tracked = [self._tracked[ref] for ref in refs]
        return [document.model if document is not None else None for document in tracked]

    def add(self, key: Key, model: BaseModel) -> None:
        self._tracked[key.ref] = TrackedDocument.new(model)

    def put(self, key: Key, model: BaseModel) -> None:
        former = self._tracked.get(key.ref)
        if former is not None:
            former.model = model
        elif key.ref in self._tracked:
            self.add(key, model)
        else:
            self._writes.append(Set(key.ref, model.model_dump()))

    def remove(self, key: Key) -> None:
        former = self._tracked.get(key.ref)
        self._tracked[key.ref] = None
        if former is not None:
            self._removed[key.ref] = former.former
        if former is None or not former.is_new:
            self._writes.append(Delete(key.ref, former.version if former is not None else None))

    def patch(self, key: Key, fields: Mapping[str, object]) -> None:
        document = self._tracked.get(key.ref)
        if document is not None:
            document.assign(fields)
            return
        fields = {name: value.model_dump() if isinstance(value, BaseModel) else value for name, value in fields.items()}
        for index, write in enumerate(self._writes):
            # Where both hold a field, the store merges them: it may be a map, or an increment.
            if isinstance(write, Merge) and write.ref == key.ref and write.data.keys().isdisjoint(fields):
                self._writes[index] = Merge(key.ref, {**write.data, **fields})
                return
        self._writes.append(Merge(key.ref, fields))

    def expect_unchanged(self, key: Key) -> None:
        document = self._tracked.get(key.ref)
        if document is None:
            raise LookupError(f"{key.ref} was not read in this unit of work")
        document.is_guarded = True

    def find(self, query: Query[M], limit: int, cursor: str | None) -> DocumentPage[M]:
        page = self._store.find(query.schema.collection, query.conditions, query.orders, limit, cursor)
        return DocumentPage([query.schema.parse(document.data) for document in page.documents], page.cursor)

    def find_tracked(self, query: Query[M], limit: int, cursor: str | None) -> DocumentPage[M]:
        page = self._store.find(query.schema.collection, query.conditions, query.orders, limit, cursor)
        for document in page.documents:
            if document.ref not in self._tracked:
                self._tracked[document.ref] = TrackedDocument.read(query.schema, document)
        models = self.read([Key(query.schema, document.id) for document in page.documents])
        return DocumentPage([cast("M", model) for model in models if model is not None], page.cursor)

    def find_units(self, query: Query[M], limit: int, cursor: str | None) -> DocumentPage[DocumentUnit[M]]:
        page = self._store.find(query.schema.collection, query.conditions, query.orders, limit, cursor)
        return DocumentPage([self._unit_of(query.schema, document) for document in page.documents], page.cursor)

    def read_units(self, keys: Sequence[Key]) -> list[DocumentUnit[Any]]:
        documents = self._store.get([key.ref for key in keys])
        return [self._unit_of(key.schema, documents[key.ref]) for key in keys if key.ref in documents]

    def _unit_of(self, schema: Schema[M], document: Document) -> DocumentUnit[M]:
        unit = UnitOfWork(self._store)
        unit.preload(document)
        return DocumentUnit(unit, schema, document.id)

    def count(self, query: Query[Any], up_to: int | None = None) -> int:
        return self._store.count(query.schema.collection, query.conditions, up_to)
