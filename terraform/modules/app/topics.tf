# Topics and subscriptions, from the functions' table. Who publishes is in iam.tf.
#
#   inbound   webhooks, widget → normalize     a provider's raw events; kept for a week for replay
#   replies   normalize → reply                somebody waits for an answer
#   outbound  everybody → deliver, holders     a conversation has something to send, by the channel's runtime
#   events    everybody → announce             a webhook of a tenant has something to be told
#   realtime  everybody → sockets, holders     what web pages see; each instance subscribes by itself

locals {
  subscriptions = merge([
    for topic, row in local.table.topics : {
      for name, subscription in row.subscriptions : name => merge(subscription, { topic = topic })
    }
  ]...)

  pushed   = { for name, row in local.subscriptions : name => row if can(row.push) }
  pulled   = { for name, row in local.subscriptions : name => row if can(row.pull) }
  kept     = { for name, row in local.subscriptions : name => row if try(row.retained, false) }
  consumed = merge(local.pushed, local.pulled)
}

resource "google_pubsub_topic" "topic" {
  #checkov:skip=CKV_GCP_83: Google's own keys encrypt; a key of ours would be one more thing to lose, and nobody asks for it
  for_each = local.table.topics

  project = var.project
  name    = each.key

  # Ordering holds within a region only.
  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_project_service.api]
}

resource "google_pubsub_topic" "dead" {
  #checkov:skip=CKV_GCP_83: Google's own keys encrypt; a key of ours would be one more thing to lose, and nobody asks for it
  for_each = local.table.topics

  project = var.project
  name    = "${each.key}-dead"

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_project_service.api]
}

# A dead-letter topic without a subscription loses what is sent to it.
resource "google_pubsub_subscription" "dead" {
  for_each = local.table.topics

  project                    = var.project
  name                       = "${each.key}-dead"
  topic                      = google_pubsub_topic.dead[each.key].id
  ack_deadline_seconds       = 60         # an operator's look holds all letters for a moment
  message_retention_duration = "2678400s" # 31 days, the most there is

  expiration_policy {
    ttl = ""
  }
}

resource "google_pubsub_subscription" "consumed" {
  for_each = local.consumed

  project                    = var.project
  name                       = each.key
  topic                      = google_pubsub_topic.topic[each.value.topic].id
  ack_deadline_seconds       = each.value.ack_deadline
  enable_message_ordering    = each.value.ordered
  filter                     = try(each.value.filter, null)
  message_retention_duration = "${each.value.retention}s"

  expiration_policy {
    ttl = ""
  }

  retry_policy {
    maximum_backoff = "${each.value.max_backoff}s"
    minimum_backoff = "${each.value.min_backoff}s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead[each.value.topic].id
    max_delivery_attempts = each.value.max_delivery_attempts
  }

  dynamic "push_config" {
    for_each = can(each.value.push) ? [each.value.push] : []
    content {
      push_endpoint = google_cloud_run_v2_service.function[push_config.value].uri

      oidc_token {
        audience              = local.audiences[push_config.value]
        service_account_email = google_service_account.push.email
      }
    }
  }

  # Without these rights Pub/Sub would neither forward dead letters nor sign its tokens.
  depends_on = [
    google_pubsub_topic_iam_member.buries,
    google_service_account_iam_member.signs_push_tokens,
  ]
}

resource "google_pubsub_subscription" "kept" {
  for_each = local.kept

  project                    = var.project
  name                       = each.key
  topic                      = google_pubsub_topic.topic[each.value.topic].id
  ack_deadline_seconds       = each.value.ack_deadline
  message_retention_duration = "${each.value.retention}s"

  expiration_policy {
    ttl = ""
  }
}
