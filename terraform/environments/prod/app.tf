# A service per dialect behind a load balancer, and what holds data cannot be deleted by mistake.
module "app" {
  source = "../../modules/app"

  alert_emails    = var.alert_emails
  billing_account = var.billing_account
  budget          = var.budget
  domain          = var.domain
  front           = "split"
  generation      = var.generation
  holders_max     = var.holders_max
  image           = var.image
  project         = var.project
  protected       = true
  region          = var.region
  secrets         = var.secrets
  settings        = var.settings
  sockets_image   = var.sockets_image

  whatsapp_accounts = var.whatsapp_accounts
}
