# Who may do what. A row of the functions' table says what its account may do; there is nothing here beyond it.

locals {
  project_number = data.google_project.this.number
  pubsub_agent   = "serviceAccount:service-${local.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"

  # {"webhooks/inbound" = {function = "webhooks", topic = "inbound"}, …}
  publishers = merge([
    for name, row in local.deployed : {
      for topic in try(row.roles.publishes, []) : "${name}/${topic}" => { function = name, topic = topic }
    }
  ]...)
  pullers = merge([
    for name, row in local.deployed : {
      for subscription in try(row.roles.pulls, []) :
      "${name}/${subscription}" => { function = name, subscription = subscription }
    }
  ]...)
  listeners = merge([
    for name, row in local.deployed : {
      for topic in try(row.roles.listens, []) : "${name}/${topic}" => { function = name, topic = topic }
    }
  ]...)
  erasers = merge([
    for name, row in local.deployed : {
      for topic in try(row.roles.erases, []) : "${name}/${topic}" => { function = name, topic = topic }
    }
  ]...)
  kept_erasers = merge([
    for name, row in local.deployed : {
      for subscription, kept in local.kept : "${name}/${subscription}" => { function = name, subscription = subscription }
      if contains(try(row.roles.erases, []), kept.topic)
    }
  ]...)
  scalers = toset([for name, row in local.deployed : name if can(row.roles.scales)])
  mounts = merge([
    for name, secrets in local.mounted : {
      for secret in secrets : "${name}/${secret}" => { function = name, secret = secret }
    }
  ]...)

  reads_secrets = {
    for name, row in local.deployed : name => row.roles.reads_secrets if length(try(row.roles.reads_secrets, [])) > 0
  }
  writes_secrets = {
    for name, row in local.deployed : name => row.roles.writes_secrets if length(try(row.roles.writes_secrets, [])) > 0
  }
  # An IAM condition: the secret's name begins with one of the prefixes.
  secret_conditions = {
    for name, prefixes in merge(local.reads_secrets, local.writes_secrets) : name => join(" || ", [
      for prefix in prefixes : "resource.name.startsWith(\"projects/${local.project_number}/secrets/${prefix}\")"
    ])
  }
}

resource "google_service_account" "function" {
  for_each = local.deployed

  project      = var.project
  account_id   = "${var.prefix}-${each.key}"
  display_name = "${each.key} of the hub"

  depends_on = [google_project_service.api]
}

resource "google_service_account" "push" {
  project      = var.project
  account_id   = "${var.prefix}-push"
  display_name = "Pub/Sub, when it pushes events to the hub"

  depends_on = [google_project_service.api]
}

resource "google_service_account" "scheduler" {
  project      = var.project
  account_id   = "${var.prefix}-scheduler"
  display_name = "Cloud Scheduler, when it calls the hub"

  depends_on = [google_project_service.api]
}

# Who may call. The public ones ask for credentials of their own; the others are called by Google alone.

resource "google_cloud_run_v2_service_iam_member" "anybody" {
  for_each = { for name, row in local.public : name => row if row.kind != "container" }

  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.function[each.key].name
  role     = "roles/run.invoker"
  member   = "allUsers"
}

resource "google_cloud_run_v2_service_iam_member" "anybody_sockets" {
  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.sockets.name
  role     = "roles/run.invoker"
  member   = "allUsers"
}

resource "google_cloud_run_v2_service_iam_member" "push" {
  for_each = local.events

  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.function[each.key].name
  role     = "roles/run.invoker"
  member   = google_service_account.push.member
}

resource "google_cloud_run_v2_service_iam_member" "scheduler" {
  for_each = local.schedules

  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.function[each.key].name
  role     = "roles/run.invoker"
  member   = google_service_account.scheduler.member
}

# Who sets how many holders there are: Cloud Run has no narrower right than to update the pool, and asks who does for the
# right to act as the account that the pool runs as. That one may do what a holder may.

resource "google_project_iam_custom_role" "scaler" {
  project     = var.project
  role_id     = "${replace(var.prefix, "-", "_")}_scaler"
  title       = "Hub: set the number of a pool's instances"
  description = "Reads and updates a worker pool; which one is said there."
  permissions = [
    "run.workerpools.get",
    "run.workerpools.update",
  ]
}

resource "google_cloud_run_v2_worker_pool_iam_member" "scaler" {
  for_each = local.scalers

  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_worker_pool.holders.name
  role     = google_project_iam_custom_role.scaler.id
  member   = google_service_account.function[each.key].member
}

resource "google_service_account_iam_member" "scaler" {
  for_each = local.scalers

  service_account_id = google_service_account.function["holders"].name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.function[each.key].member
}

# Documents.

resource "google_project_iam_member" "store" {
  for_each = local.deployed

  project = var.project
  role    = each.value.roles.store == "write" ? "roles/datastore.user" : "roles/datastore.viewer"
  member  = google_service_account.function[each.key].member
}

# Events.

resource "google_pubsub_topic_iam_member" "publishes" {
  for_each = local.publishers

  project = var.project
  topic   = google_pubsub_topic.topic[each.value.topic].name
  role    = "roles/pubsub.publisher"
  member  = google_service_account.function[each.value.function].member
}

resource "google_pubsub_subscription_iam_member" "pulls" {
  for_each = local.pullers

  project      = var.project
  subscription = google_pubsub_subscription.consumed[each.value.subscription].name
  role         = "roles/pubsub.subscriber"
  member       = google_service_account.function[each.value.function].member
}

# Who pulls buries what cannot be handled, with the reason.
resource "google_pubsub_topic_iam_member" "pullers_bury" {
  for_each = local.pullers

  project = var.project
  topic   = google_pubsub_topic.dead[local.subscriptions[each.value.subscription].topic].name
  role    = "roles/pubsub.publisher"
  member  = google_service_account.function[each.value.function].member
}

# Who erases a customer takes what Pub/Sub keeps of them out of its dead letters and retained events.
resource "google_pubsub_subscription_iam_member" "erases_dead" {
  for_each = local.erasers

  project      = var.project
  subscription = google_pubsub_subscription.dead[each.value.topic].name
  role         = "roles/pubsub.subscriber"
  member       = google_service_account.function[each.value.function].member
}

resource "google_pubsub_subscription_iam_member" "erases_kept" {
  for_each = local.kept_erasers

  project      = var.project
  subscription = google_pubsub_subscription.kept[each.value.subscription].name
  role         = "roles/pubsub.subscriber"
  member       = google_service_account.function[each.value.function].member
}

# An instance of sockets or holders makes itself a subscription, and takes it away when it ends.
resource "google_pubsub_topic_iam_member" "listens" {
  for_each = local.listeners

  project = var.project
  topic   = google_pubsub_topic.topic[each.value.topic].name
  role    = "roles/pubsub.subscriber"
  member  = google_service_account.function[each.value.function].member
}

resource "google_project_iam_custom_role" "listener" {
  project     = var.project
  role_id     = "${replace(var.prefix, "-", "_")}_listener"
  title       = "Hub: subscribe for oneself"
  description = "Makes, reads and takes away subscriptions; on which topics is said there."
  permissions = [
    "pubsub.subscriptions.consume",
    "pubsub.subscriptions.create",
    "pubsub.subscriptions.delete",
    "pubsub.subscriptions.get",
  ]
}

resource "google_project_iam_member" "listener" {
  for_each = toset([for listener in values(local.listeners) : listener.function])

  project = var.project
  role    = google_project_iam_custom_role.listener.id
  member  = google_service_account.function[each.key].member
}

# Pub/Sub itself forwards dead letters and makes out the tokens that it pushes with.

resource "google_pubsub_topic_iam_member" "buries" {
  for_each = local.table.topics

  project = var.project
  topic   = google_pubsub_topic.dead[each.key].name
  role    = "roles/pubsub.publisher"
  member  = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "forwards" {
  for_each = local.consumed

  project      = var.project
  subscription = google_pubsub_subscription.consumed[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}

resource "google_service_account_iam_member" "signs_push_tokens" {
  service_account_id = google_service_account.push.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = local.pubsub_agent

  # The agent comes into being with the first topic.
  depends_on = [google_pubsub_topic.topic]
}

# Secrets.

resource "google_secret_manager_secret_iam_member" "mounted" {
  for_each = local.mounts

  project   = var.project
  secret_id = google_secret_manager_secret.deployment[each.value.secret].secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.function[each.value.function].member
}

resource "google_project_iam_member" "reads_secrets" {
  for_each = local.reads_secrets

  project = var.project
  role    = "roles/secretmanager.secretAccessor"
  member  = google_service_account.function[each.key].member

  condition {
    title      = "secrets of tenants"
    expression = local.secret_conditions[each.key]
  }
}

resource "google_project_iam_custom_role" "secret_keeper" {
  project     = var.project
  role_id     = "${replace(var.prefix, "-", "_")}_secret_keeper"
  title       = "Hub: keep secrets of tenants"
  description = "Reads, writes and deletes secrets whose names begin as a condition says."
  permissions = [
    "secretmanager.secrets.delete",
    "secretmanager.versions.access",
    "secretmanager.versions.add",
    "secretmanager.versions.destroy",
    "secretmanager.versions.list",
  ]
}

resource "google_project_iam_custom_role" "secret_maker" {
  project     = var.project
  role_id     = "${replace(var.prefix, "-", "_")}_secret_maker"
  title       = "Hub: make secrets"
  description = "Making one is asked of the project, so that no condition on its name can hold."
  permissions = ["secretmanager.secrets.create"]
}

resource "google_project_iam_member" "keeps_secrets" {
  for_each = local.writes_secrets

  project = var.project
  role    = google_project_iam_custom_role.secret_keeper.id
  member  = google_service_account.function[each.key].member

  condition {
    title      = "secrets of tenants"
    expression = local.secret_conditions[each.key]
  }
}

resource "google_project_iam_member" "makes_secrets" {
  for_each = local.writes_secrets

  project = var.project
  role    = google_project_iam_custom_role.secret_maker.id
  member  = google_service_account.function[each.key].member
}

# Files and traces.

resource "google_storage_bucket_iam_member" "media" {
  for_each = { for name, row in local.deployed : name => row if try(row.roles.media, false) }

  bucket = google_storage_bucket.media.name
  role   = "roles/storage.objectUser"
  member = google_service_account.function[each.key].member
}

resource "google_storage_bucket_iam_member" "files" {
  for_each = { for name, row in local.deployed : name => row if try(row.roles.files, false) }

  bucket = google_storage_bucket.files.name
  role   = "roles/storage.objectUser"
  member = google_service_account.function[each.key].member
}

resource "google_storage_bucket_iam_member" "sessions" {
  for_each = { for name, row in local.deployed : name => row if try(row.roles.sessions, false) }

  bucket = google_storage_bucket.sessions.name
  role   = "roles/storage.objectUser"
  member = google_service_account.function[each.key].member
}

resource "google_project_iam_member" "traces" {
  for_each = { for name, row in local.deployed : name => row if try(row.roles.traces, false) }

  project = var.project
  role    = "roles/cloudtrace.agent"
  member  = google_service_account.function[each.key].member
}
