"""The HTTP server of one process: a WSGI application behind uvicorn, with limits that the application cannot lift.

What it guarantees, and where:

- A request's head, its body and a websocket's handshake have to arrive within a fixed time (`protocol`).
- A head is at most 64 KB, and so is what may come between the pieces of a body (`protocol`).
- A body is at most as long as its path allows, and all bodies together have a limit, of which small bodies use
  nothing (`request_bodies`).
- With too many requests in progress further ones are answered 503 at once (`wsgi`).
- `GET /health/live` is answered by the event loop, even while all threads wait for other systems (`liveness`).

A bridge of our own is more code than a2wsgi, which served a third of the requests. What justifies it is the line
"one process: webhooks a second, stored and replied" of `make bench`, whose budget is 200 a second.
"""
