resource "google_firestore_database" "hub" {
  project                           = var.project
  name                              = "(default)"
  location_id                       = coalesce(var.firestore_location, var.region)
  type                              = "FIRESTORE_NATIVE"
  delete_protection_state           = var.protected ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy                   = var.protected ? "ABANDON" : "DELETE"
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"

  depends_on = [google_project_service.api]
}

# Point-in-time recovery reaches back seven days; a backup outlives a mistake that is noticed later.
resource "google_firestore_backup_schedule" "weekly" {
  project   = var.project
  database  = google_firestore_database.hub.name
  retention = "8467200s" # 14 weeks, the most there is

  weekly_recurrence {
    day = "SUNDAY"
  }
}

# The tests compare this file with every query that the hub makes.
locals {
  declared = jsondecode(file("${path.module}/../../../infra/firestore/indexes.json"))

  indexes = {
    for index in local.declared.indexes :
    join("/", concat(
      [index.collectionGroup],
      [for field in index.fields : "${field.fieldPath}:${substr(field.order, 0, 1)}"],
    )) => index
  }

  fields = { for field in local.declared.fieldOverrides : "${field.collectionGroup}/${field.fieldPath}" => field }
}

resource "google_firestore_index" "composite" {
  for_each = local.indexes

  project     = var.project
  database    = google_firestore_database.hub.name
  collection  = each.value.collectionGroup
  query_scope = each.value.queryScope

  dynamic "fields" {
    for_each = each.value.fields
    content {
      field_path = fields.value.fieldPath
      order      = fields.value.order
    }
  }
}

# Fields that no query asks for alone, or in one order only: an index on a time that only grows limits how fast a
# collection can be written, and each entry takes room.
resource "google_firestore_field" "override" {
  for_each = local.fields

  project    = var.project
  database   = google_firestore_database.hub.name
  collection = each.value.collectionGroup
  field      = each.value.fieldPath

  # Without `indexes`: none at all. What holds for a map holds for the fields in it.
  index_config {
    dynamic "indexes" {
      for_each = each.value.indexes
      content {
        order       = indexes.value.order
        query_scope = indexes.value.queryScope
      }
    }
  }

  dynamic "ttl_config" {
    for_each = try(each.value.ttl, false) ? [true] : []
    content {}
  }
}
