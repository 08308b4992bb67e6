variable "alert_emails" {
  description = "Who is told when something is wrong."
  type        = list(string)
  default     = []
}

variable "billing_account" {
  description = "The billing account that the budget watches; null for no budget."
  type        = string
  default     = null
}

variable "budget" {
  description = "Whole units of the billing account's currency a month."
  type        = number
  default     = 50
}

variable "domain" {
  description = "The hub's host name, for a load balancer with Cloud Armor in front of it; null for none."
  type        = string
  default     = null
}

variable "generation" {
  description = "Raise it to have every service start anew, so that it reads a secret that was changed."
  type        = number
  default     = 1
}

variable "holders_max" {
  description = "How many instances may hold accounts' connections to their providers."
  type        = number
  default     = 10
}

variable "image" {
  description = "The image of all functions, by its digest."
  type        = string
}

variable "project" {
  description = "The project's id."
  type        = string
}

variable "region" {
  description = "Where services run, and where documents lie for ever."
  type        = string
  default     = "europe-west1"
}

variable "secrets" {
  description = "Deployment-wide secrets that have a value."
  type        = set(string)
  default     = ["API_KEY", "JWT_SECRET"]
}

variable "settings" {
  description = "More environment variables for every service. No secrets."
  type        = map(string)
  default     = {}
}

variable "sockets_image" {
  description = "The image of the sockets container, by its digest."
  type        = string
}

variable "whatsapp_accounts" {
  description = "How many WhatsApp accounts one holder holds by the hub's own sockets; 0 for none."
  type        = number
  default     = 5
}
