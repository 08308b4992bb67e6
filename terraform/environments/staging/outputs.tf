output "address" {
  value = module.app.address
}

output "registry" {
  value = module.app.registry
}

output "services" {
  value = module.app.services
}

output "sockets_url" {
  value = module.app.sockets_url
}

output "url" {
  value = module.app.url
}

output "webhooks" {
  value = module.app.webhooks
}
