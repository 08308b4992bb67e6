# Cheap and easily taken away: one public hub, on run.app unless it has a domain, and nothing is protected from deletion.
module "app" {
  source = "../../modules/app"

  alert_emails    = var.alert_emails
  billing_account = var.billing_account
  budget          = var.budget
  domain          = var.domain
  front           = "single"
  generation      = var.generation
  holders_max     = var.holders_max
  image           = var.image
  project         = var.project
  protected       = false
  region          = var.region
  secrets         = var.secrets
  settings        = var.settings
  sockets_image   = var.sockets_image

  whatsapp_accounts = var.whatsapp_accounts
}
