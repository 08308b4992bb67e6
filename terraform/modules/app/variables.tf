variable "alert_emails" {
  description = "Who is told when something is wrong."
  type        = list(string)
  default     = []
}

variable "billing_account" {
  description = "The billing account that the budget watches, as 012345-6789AB-CDEF01; null for no budget."
  type        = string
  default     = null
}

variable "budget" {
  description = "Whole units of the billing account's currency a month."
  type        = number
  default     = 100
}

variable "domain" {
  description = "The host name of the load balancer, with its DNS record pointing at the output address; front = \"split\" needs one. Null for none."
  type        = string
  default     = null

  validation {
    condition     = var.front == "single" || var.domain != null
    error_message = "front = \"split\" needs a domain: the load balancer's certificate is made for it."
  }
}

variable "firestore_location" {
  description = "Where documents lie, for ever: a region, or eur3 or nam5. Defaults to the region."
  type        = string
  default     = null
}

variable "front" {
  description = "single: one public hub service, on run.app unless there is a domain; split: a service per dialect behind a load balancer."
  type        = string

  validation {
    condition     = contains(["single", "split"], var.front)
    error_message = "front is single or split."
  }
}

variable "generation" {
  description = "Raise it to have every service start anew, so that it reads a secret that was changed."
  type        = number
  default     = 1
}

variable "holders_max" {
  description = "How many instances may hold accounts' connections to their providers, with whatsapp_accounts of WhatsApp each."
  type        = number
  default     = 10

  validation {
    condition     = var.holders_max >= 1 && var.holders_max <= 100
    error_message = "holders_max is from 1 to 100."
  }
}

variable "image" {
  description = "The image of all functions, by its digest."
  type        = string
}

variable "prefix" {
  description = "What the names of services and accounts begin with."
  type        = string
  default     = "hub"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.prefix))
    error_message = "A prefix has 2 to 16 small letters, digits and dashes: an account's name may have 30."
  }
}

variable "project" {
  description = "The project's id. An environment is a project: topics and secrets have the same names in each."
  type        = string
}

variable "protected" {
  description = "Refuse to delete the database and the services."
  type        = bool
  default     = true
}

variable "rate_limits" {
  description = "Calls a minute from one address, behind the load balancer. Providers call for all their customers from few addresses."
  type = object({
    clients   = number
    providers = number
  })
  default = {
    clients   = 600
    providers = 6000
  }
}

variable "region" {
  description = "Where services run and events are kept."
  type        = string
  default     = "europe-west1"
}

variable "secrets" {
  description = "Deployment-wide secrets that have a value, and so can be mounted: the functions' table names who gets which."
  type        = set(string)
  default     = ["API_KEY", "JWT_SECRET"]

  validation {
    condition = contains(var.secrets, "JWT_SECRET") || (
      contains(var.secrets, "JWT_PRIVATE_KEY") && contains(keys(var.settings), "JWT_PUBLIC_KEY")
    )
    error_message = "The hub does not start in production without the secret JWT_PRIVATE_KEY and the setting JWT_PUBLIC_KEY, or JWT_SECRET."
  }
}

variable "settings" {
  description = "More environment variables for every service, such as CORS_ORIGIN or EVOLUTION_URL; infra/README.md lists them all. No secrets."
  type        = map(string)
  default     = {}
}

variable "sockets_image" {
  description = "The image of the sockets container, by its digest."
  type        = string
}

variable "whatsapp_accounts" {
  description = "How many WhatsApp accounts one holder holds by the hub's own sockets; 0 for none. Its memory follows."
  type        = number
  default     = 5

  validation {
    condition     = var.whatsapp_accounts >= 0 && var.whatsapp_accounts <= 35
    error_message = "whatsapp_accounts is from 0 to 35: with one processor Cloud Run gives no more memory than for that."
  }
}
