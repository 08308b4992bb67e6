# What is watched, and who is told. Metrics of Google's own where there are any; the rest is counted from log lines, whose
# words a test looks for in the code.

locals {
  # The service that providers call, and the address that answers for the whole hub.
  webhook_service = "${var.prefix}-${var.front == "split" ? "webhooks" : "hub"}"
  public_host     = trimprefix(local.public_url, "https://")

  log_metrics = {
    dead_messages = {
      description = "Messages that will not be sent any more, by reason."
      filter      = "jsonPayload.message=\"a message died\""
      labels      = { channel = "EXTRACT(jsonPayload.channel)", reason = "EXTRACT(jsonPayload.reason)" }
    }
    accounts_unheld = {
      description = "Accounts that no holder has taken for minutes, each once a minute."
      filter      = "jsonPayload.message=\"an account has no holder\""
      labels      = { channel = "EXTRACT(jsonPayload.channel)" }
    }
    events_refused = {
      description = "Events that a consumer could not handle and that come again."
      filter      = "jsonPayload.message=\"an event will come again\""
      labels      = {}
    }
    outbox_overdue = {
      description = "Sweeps of the outbox that found something overdue."
      filter      = "jsonPayload.message=\"swept\" AND jsonPayload.overdue>0"
      labels      = {}
    }
    # Each failed attempt writes one of the two lines.
    provider_errors = {
      description = "Attempts to send that failed, by channel: refused for now, refused for good, or with an unknown outcome."
      filter      = "(jsonPayload.message=\"a message will be tried again\" OR jsonPayload.message=\"a message died\")"
      labels      = { channel = "EXTRACT(jsonPayload.channel)", reason = "EXTRACT(jsonPayload.reason)" }
    }
    unanswered = {
      description = "Conversations that neither an agent nor a service answered."
      filter      = "jsonPayload.message=\"nobody answered\""
      labels      = {}
    }
  }

  # Distributions: a number that each line tells. From `first` on each bucket is twice as wide as the one before.
  log_distributions = {
    webhook_lag = {
      description = "From the answer to a webhook until its message is stored."
      filter      = "jsonPayload.message=\"a message was stored\""
      value       = "lag_seconds"
      unit        = "s"
      first       = 0.01
      labels      = { channel = "EXTRACT(jsonPayload.channel)" }
    }
    time_to_reply = {
      description = "From a customer's first unanswered message until the provider took the answer."
      filter      = "jsonPayload.message=\"a message was sent\" AND jsonPayload.reply_seconds>=0"
      value       = "reply_seconds"
      unit        = "s"
      first       = 0.1
      labels      = { channel = "EXTRACT(jsonPayload.channel)" }
    }
    time_in_outbox = {
      description = "From the acceptance of a message until the provider took it."
      filter      = "jsonPayload.message=\"a message was sent\""
      value       = "outbox_seconds"
      unit        = "s"
      first       = 0.01
      labels      = { channel = "EXTRACT(jsonPayload.channel)" }
    }
    outbox_depth = {
      description = "Messages that wait to be sent, once a minute."
      filter      = "jsonPayload.message=\"the outbox was measured\""
      value       = "depth"
      unit        = "1"
      first       = 1
      labels      = {}
    }
    outbox_age = {
      description = "How long the oldest message has waited to be sent, once a minute."
      filter      = "jsonPayload.message=\"the outbox was measured\""
      value       = "oldest_seconds"
      unit        = "s"
      first       = 0.1
      labels      = {}
    }
  }

  # What writes lines: services, and the worker pool; for logs, and for metrics.
  writers = "resource.type=one_of(\"cloud_run_revision\", \"cloud_run_worker_pool\")"
  lines   = "(resource.type=\"cloud_run_revision\" OR resource.type=\"cloud_run_worker_pool\")"
  counted = "logging.googleapis.com/user/${var.prefix}"
  revision = join(" AND ", [
    "resource.type = \"cloud_run_revision\"",
    "resource.labels.project_id = \"${var.project}\"",
    "resource.labels.service_name = starts_with(\"${var.prefix}-\")",
  ])
  subscription = join(" AND ", [
    "resource.type = \"pubsub_subscription\"",
    "resource.labels.project_id = \"${var.project}\"",
  ])
  told = [for channel in google_monitoring_notification_channel.email : channel.id]
}

resource "google_monitoring_notification_channel" "email" {
  for_each = toset(var.alert_emails)

  project      = var.project
  display_name = each.key
  type         = "email"
  labels = {
    email_address = each.key
  }

  depends_on = [google_project_service.api]
}

resource "google_logging_metric" "counted" {
  for_each = local.log_metrics

  project          = var.project
  name             = "${var.prefix}/${each.key}"
  description      = each.value.description
  filter           = "${local.lines} AND ${each.value.filter}"
  label_extractors = each.value.labels

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"

    dynamic "labels" {
      for_each = each.value.labels
      content {
        key        = labels.key
        value_type = "STRING"
      }
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_logging_metric" "measured" {
  for_each = local.log_distributions

  project          = var.project
  name             = "${var.prefix}/${each.key}"
  description      = each.value.description
  filter           = "${local.lines} AND ${each.value.filter}"
  value_extractor  = "EXTRACT(jsonPayload.${each.value.value})"
  label_extractors = each.value.labels

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = each.value.unit

    dynamic "labels" {
      for_each = each.value.labels
      content {
        key        = labels.key
        value_type = "STRING"
      }
    }
  }

  bucket_options {
    exponential_buckets {
      num_finite_buckets = 24
      growth_factor      = 2
      scale              = each.value.first
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_monitoring_uptime_check_config" "health" {
  project      = var.project
  display_name = "${var.prefix} answers"
  period       = "60s"
  timeout      = "10s"

  http_check {
    path         = "/health"
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }

  monitored_resource {
    type = "uptime_url"
    labels = {
      host       = local.public_host
      project_id = var.project
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_monitoring_alert_policy" "down" {
  project               = var.project
  display_name          = "${var.prefix}: does not answer"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = local.told

  conditions {
    display_name = "GET /health fails from two places for two minutes"
    condition_threshold {
      filter = join(" AND ", [
        "metric.type = \"monitoring.googleapis.com/uptime_check/check_passed\"",
        "metric.labels.check_id = \"${google_monitoring_uptime_check_config.health.uptime_check_id}\"",
        "resource.type = \"uptime_url\"",
      ])
      comparison      = "COMPARISON_GT"
      threshold_value = 1
      duration        = "120s"
      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_NEXT_OLDER"
        cross_series_reducer = "REDUCE_COUNT_FALSE"
        group_by_fields      = ["resource.label.host"]
      }
    }
  }

  documentation {
    content = "Look at the services' logs and at ${local.public_url}/health/ready, which tells whether Firestore answers."
  }
}

resource "google_monitoring_alert_policy" "dead_letters" {
  project               = var.project
  display_name          = "${var.prefix}: dead letters"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = local.told

  conditions {
    display_name = "An event could not be handled in all its attempts"
    condition_threshold {
      filter = join(" AND ", [
        local.subscription,
        "metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\"",
        "resource.labels.subscription_id = ends_with(\"-dead\")",
      ])
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "60s"
      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    content = "List them with `python -m infra.operate dead-letters TOPIC`, mend the cause, then redrive them (terraform/README.md, Day two)."
  }
}

resource "google_monitoring_alert_policy" "outbox_age" {
  project               = var.project
  display_name          = "${var.prefix}: answers wait to be sent"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = local.told

  conditions {
    display_name = "The oldest wake-up of the outbox is five minutes old"
    condition_threshold {
      filter = join(" AND ", [
        local.subscription,
        "metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\"",
        "resource.labels.subscription_id = monitoring.regex.full_match(\"outbound-(deliver|pull)\")",
      ])
      comparison      = "COMPARISON_GT"
      threshold_value = 300
      duration        = "60s"
      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  conditions {
    display_name = "Sweeps have found overdue items for ten minutes"
    condition_threshold {
      filter = join(" AND ", [
        "resource.type = \"cloud_run_revision\"",
        "metric.type = \"${local.counted}/outbox_overdue\"",
      ])
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "600s"
      aggregations {
        alignment_period     = "120s"
        per_series_aligner   = "ALIGN_SUM"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    content = "Either deliver does not run, or a provider refuses everything: look at the logs of ${var.prefix}-deliver."
  }

  depends_on = [google_logging_metric.counted]
}

resource "google_monitoring_alert_policy" "accounts_unheld" {
  project               = var.project
  display_name          = "${var.prefix}: accounts are not connected"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = local.told

  conditions {
    display_name = "No holder has taken an account for minutes"
    condition_threshold {
      filter = join(" AND ", [
        "resource.type = \"cloud_run_revision\"",
        "metric.type = \"${local.counted}/accounts_unheld\"",
      ])
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"
      aggregations {
        alignment_period     = "120s"
        per_series_aligner   = "ALIGN_SUM"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    content = "All holders are full: raise whatsapp_accounts or holders_max. Or they do not run, or could not be scaled: look at the logs of ${local.holders} and of ${var.prefix}-tick."
  }

  depends_on = [google_logging_metric.counted]
}

resource "google_monitoring_alert_policy" "errors" {
  project               = var.project
  display_name          = "${var.prefix}: answers with 5xx"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = local.told

  conditions {
    display_name = "More than one call in twenty of a service, for five minutes"
    condition_threshold {
      filter = join(" AND ", [
        local.revision,
        "metric.type = \"run.googleapis.com/request_count\"",
        "metric.labels.response_code_class = \"5xx\"",
      ])
      denominator_filter = join(" AND ", [
        local.revision,
        "metric.type = \"run.googleapis.com/request_count\"",
      ])
      comparison      = "COMPARISON_GT"
      threshold_value = 0.05
      duration        = "300s"
      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_RATE"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.label.service_name"]
      }
      denominator_aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_RATE"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.label.service_name"]
      }
    }
  }

  documentation {
    content = "Event functions answer 503 to have an event come again, so that a failing provider or store shows here too."
  }
}

resource "google_monitoring_alert_policy" "webhook_latency" {
  project               = var.project
  display_name          = "${var.prefix}: webhooks are slow"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local.told

  conditions {
    display_name = "One webhook in twenty takes more than two seconds, for five minutes"
    condition_threshold {
      filter = join(" AND ", [
        "resource.type = \"cloud_run_revision\"",
        "resource.labels.service_name = \"${local.webhook_service}\"",
        "metric.type = \"run.googleapis.com/request_latencies\"",
      ])
      comparison      = "COMPARISON_GT"
      threshold_value = 2000
      duration        = "300s"
      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_PERCENTILE_95"
        cross_series_reducer = "REDUCE_MAX"
        group_by_fields      = ["resource.label.service_name"]
      }
    }
  }

  documentation {
    content = "Slack gives up after three seconds. A warm instance (instances.min in functions.yaml) takes the cold starts away."
  }
}

# What the dashboard shows: title, filter, aligner, reducer, and by which label.
locals {
  charts = [
    ["Calls by service", "${local.revision} AND metric.type=\"run.googleapis.com/request_count\"", "ALIGN_RATE", "REDUCE_SUM", "resource.label.service_name"],
    ["Answers with 5xx", "${local.revision} AND metric.type=\"run.googleapis.com/request_count\" AND metric.labels.response_code_class=\"5xx\"", "ALIGN_RATE", "REDUCE_SUM", "resource.label.service_name"],
    ["p95 latency, ms", "${local.revision} AND metric.type=\"run.googleapis.com/request_latencies\"", "ALIGN_PERCENTILE_95", "REDUCE_MAX", "resource.label.service_name"],
    ["Instances", "${local.revision} AND metric.type=\"run.googleapis.com/container/instance_count\"", "ALIGN_MAX", "REDUCE_SUM", "resource.label.service_name"],
    ["Events waiting", "${local.subscription} AND metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\"", "ALIGN_MAX", "REDUCE_MAX", "resource.label.subscription_id"],
    ["Oldest event, s", "${local.subscription} AND metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\"", "ALIGN_MAX", "REDUCE_MAX", "resource.label.subscription_id"],
    ["Dead letters", "${local.subscription} AND metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\" AND resource.labels.subscription_id=ends_with(\"-dead\")", "ALIGN_MAX", "REDUCE_MAX", "resource.label.subscription_id"],
    ["Webhook to stored, p95, s", "${local.writers} AND metric.type=\"${local.counted}/webhook_lag\"", "ALIGN_PERCENTILE_95", "REDUCE_MAX", "metric.label.channel"],
    ["Time to reply, p95, s", "${local.writers} AND metric.type=\"${local.counted}/time_to_reply\"", "ALIGN_PERCENTILE_95", "REDUCE_MAX", "metric.label.channel"],
    ["Time in the outbox, p95, s", "${local.writers} AND metric.type=\"${local.counted}/time_in_outbox\"", "ALIGN_PERCENTILE_95", "REDUCE_MAX", "metric.label.channel"],
    ["Messages in the outbox", "${local.writers} AND metric.type=\"${local.counted}/outbox_depth\"", "ALIGN_PERCENTILE_99", "REDUCE_MAX", "resource.label.service_name"],
    ["Oldest in the outbox, s", "${local.writers} AND metric.type=\"${local.counted}/outbox_age\"", "ALIGN_PERCENTILE_99", "REDUCE_MAX", "resource.label.service_name"],
    ["Messages that died, by reason", "${local.writers} AND metric.type=\"${local.counted}/dead_messages\"", "ALIGN_SUM", "REDUCE_SUM", "metric.label.reason"],
    ["Provider errors, by channel", "${local.writers} AND metric.type=\"${local.counted}/provider_errors\"", "ALIGN_SUM", "REDUCE_SUM", "metric.label.channel"],
    ["Nobody answered", "${local.writers} AND metric.type=\"${local.counted}/unanswered\"", "ALIGN_SUM", "REDUCE_SUM", "resource.label.service_name"],
    ["Documents read", "resource.type=\"firestore.googleapis.com/Database\" AND metric.type=\"firestore.googleapis.com/document/read_ops_count\"", "ALIGN_RATE", "REDUCE_SUM", "metric.label.type"],
  ]
}

resource "google_monitoring_dashboard" "hub" {
  project = var.project
  dashboard_json = jsonencode({
    displayName = "${var.prefix}: the way of a message"
    mosaicLayout = {
      columns = 12
      tiles = [
        for number, chart in local.charts : {
          xPos   = (number % 2) * 6
          yPos   = floor(number / 2) * 4
          width  = 6
          height = 4
          widget = {
            title = chart[0]
            xyChart = {
              dataSets = [{
                plotType = "LINE"
                timeSeriesQuery = {
                  timeSeriesFilter = {
                    filter = chart[1]
                    aggregation = {
                      alignmentPeriod    = "60s"
                      perSeriesAligner   = chart[2]
                      crossSeriesReducer = chart[3]
                      groupByFields      = [chart[4]]
                    }
                  }
                }
              }]
            }
          }
        }
      ]
    }
  })

  depends_on = [google_logging_metric.counted, google_logging_metric.measured]
}
