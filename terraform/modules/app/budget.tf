resource "google_billing_budget" "monthly" {
  count = var.billing_account == null ? 0 : 1

  billing_account = var.billing_account
  display_name    = "${var.prefix} in ${var.project}"

  budget_filter {
    projects = ["projects/${data.google_project.this.number}"]
  }

  amount {
    specified_amount {
      units = tostring(var.budget)
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1]
    content {
      threshold_percent = threshold_rules.value
    }
  }

  # While there is still time to do something about it.
  threshold_rules {
    spend_basis       = "FORECASTED_SPEND"
    threshold_percent = 1.2
  }

  # Without anybody to tell, Google tells those who administer the billing account.
  dynamic "all_updates_rule" {
    for_each = length(var.alert_emails) > 0 ? [true] : []
    content {
      monitoring_notification_channels = local.told
    }
  }
}
