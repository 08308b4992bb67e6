# Events are never lost, and only Pub/Sub may hand them to a function.

mock_provider "google" {
  mock_data "google_project" {
    defaults = {
      number = "123456789012"
    }
  }
}

variables {
  domain        = "hub.example.com"
  front         = "split"
  image         = "europe-west1-docker.pkg.dev/example/hub/functions@sha256:0"
  project       = "example"
  sockets_image = "europe-west1-docker.pkg.dev/example/hub/sockets@sha256:0"
}

run "events_are_not_lost_and_pushes_prove_who_calls" {
  # Every event has somewhere to die.
  assert {
    condition     = toset(keys(google_pubsub_topic.topic)) == toset(["events", "inbound", "outbound", "realtime", "replies"])
    error_message = "These are the topics that the code publishes on"
  }
  assert {
    condition = alltrue([
      for name in keys(google_pubsub_topic.topic) :
      google_pubsub_topic.dead[name].name == "${name}-dead" &&
      google_pubsub_subscription.dead[name].name == "${name}-dead" &&
      google_pubsub_subscription.dead[name].topic == google_pubsub_topic.dead[name].id
    ])
    error_message = "A topic lacks its dead-letter topic, or that one its subscription, without which letters are lost"
  }
  assert {
    condition = alltrue([
      for subscription in google_pubsub_subscription.dead :
      subscription.expiration_policy[0].ttl == "" && subscription.ack_deadline_seconds >= 60 &&
      subscription.message_retention_duration == "2678400s"
    ])
    error_message = "Dead letters must be kept as long as Pub/Sub can, and looking at them takes a while"
  }
  assert {
    condition = alltrue([
      for name, subscription in google_pubsub_subscription.consumed :
      subscription.dead_letter_policy[0].dead_letter_topic == google_pubsub_topic.dead[local.subscriptions[name].topic].id &&
      subscription.dead_letter_policy[0].max_delivery_attempts >= 5
    ])
    error_message = "What cannot be handled must go to the dead letters of its own topic"
  }
  assert {
    condition = alltrue([
      for name in keys(google_pubsub_topic.topic) :
      google_pubsub_topic_iam_member.buries[name].topic == google_pubsub_topic.dead[name].name &&
      google_pubsub_topic_iam_member.buries[name].role == "roles/pubsub.publisher" &&
      google_pubsub_topic_iam_member.buries[name].member == "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    ])
    error_message = "Pub/Sub's own account must be allowed to publish dead letters"
  }
  assert {
    condition = alltrue([
      for name, subscription in google_pubsub_subscription.consumed :
      google_pubsub_subscription_iam_member.forwards[name].subscription == subscription.name &&
      google_pubsub_subscription_iam_member.forwards[name].role == "roles/pubsub.subscriber"
    ])
    error_message = "Pub/Sub's own account must be allowed to take dead letters off their subscription"
  }

  # Order and pauses are kept.
  assert {
    condition     = alltrue([for subscription in google_pubsub_subscription.consumed : subscription.enable_message_ordering])
    error_message = "A conversation's events must come in order"
  }
  assert {
    condition = alltrue([
      for subscription in google_pubsub_subscription.consumed :
      subscription.retry_policy[0].minimum_backoff == "10s" && subscription.retry_policy[0].maximum_backoff == "600s"
    ])
    error_message = "Attempts must be 10 to 600 seconds apart"
  }
  assert {
    condition = alltrue([
      for subscription in concat(values(google_pubsub_subscription.consumed), values(google_pubsub_subscription.kept)) :
      subscription.expiration_policy[0].ttl == ""
    ])
    error_message = "A quiet month must not make a subscription disappear"
  }
  assert {
    condition = (
      google_pubsub_subscription.kept["inbound-kept"].topic == google_pubsub_topic.topic["inbound"].id &&
      google_pubsub_subscription.kept["inbound-kept"].ack_deadline_seconds == 600 &&
      google_pubsub_subscription.kept["inbound-kept"].message_retention_duration == "604800s" &&
      length(google_pubsub_subscription.kept["inbound-kept"].push_config) == 0
    )
    error_message = "Replay reads a week of raw events from a subscription that nobody consumes"
  }
  assert {
    condition = (
      google_pubsub_subscription.consumed["outbound-deliver"].filter == "attributes.runtime = \"function\"" &&
      google_pubsub_subscription.consumed["outbound-pull"].filter == "attributes.runtime = \"socket\""
    )
    error_message = "Each runtime must get its own share of the outbox's wake-ups"
  }

  # Pushes prove who calls.
  assert {
    condition     = toset(keys(local.pushed)) == toset(["events-announce", "inbound-normalize", "outbound-deliver", "replies-reply"])
    error_message = "These topics are consumed by functions"
  }
  assert {
    condition = alltrue([
      for name, row in local.pushed :
      google_pubsub_subscription.consumed[name].push_config[0].push_endpoint == google_cloud_run_v2_service.function[row.push].uri &&
      google_pubsub_subscription.consumed[name].push_config[0].oidc_token[0].service_account_email == google_service_account.push.email
    ])
    error_message = "A push must go to its own function, with a token of the push account"
  }
  assert {
    condition = alltrue([
      for name, row in local.pushed :
      google_pubsub_subscription.consumed[name].push_config[0].oidc_token[0].audience == "hub-${row.push}" &&
      contains(google_cloud_run_v2_service.function[row.push].custom_audiences, "hub-${row.push}") &&
      local.environments[row.push].PUSH_AUDIENCE == "hub-${row.push}" &&
      local.environments[row.push].PUSH_CHECKED_BY == "cloud_run" &&
      local.environments[row.push].PUSH_SERVICE_ACCOUNT == google_service_account.push.email
    ])
    error_message = "A push's token must be made out to the service that gets it, and the service must expect it"
  }
  assert {
    condition = alltrue([
      for name, row in local.pushed :
      tonumber(trimsuffix(google_cloud_run_v2_service.function[row.push].template[0].timeout, "s")) <= google_pubsub_subscription.consumed[name].ack_deadline_seconds
    ])
    error_message = "A function must not still be at work when its event comes again"
  }
  assert {
    condition = (
      google_cloud_scheduler_job.schedule["tick"].http_target[0].uri == google_cloud_run_v2_service.function["tick"].uri &&
      google_cloud_scheduler_job.schedule["tick"].http_target[0].oidc_token[0].audience == "hub-tick" &&
      google_cloud_scheduler_job.schedule["tick"].http_target[0].oidc_token[0].service_account_email == google_service_account.scheduler.email &&
      local.environments["tick"].PUSH_SERVICE_ACCOUNT == google_service_account.scheduler.email &&
      google_cloud_scheduler_job.schedule["tick"].schedule == "* * * * *"
    )
    error_message = "The minute's call must prove itself to tick"
  }
}
