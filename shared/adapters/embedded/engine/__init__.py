"""The embedded engine: one SQLite file that serves the document store and the event bus of one process.

What it guarantees, and where:

- A write that has returned survives a power cut (`database`: one fsync per group commit).
- A commit happens completely or not at all, and one that is refused changes nothing (`commits`: all decisions are
  made in memory before the first statement).
- The callbacks of commits run one at a time, in the order of the commits (`database`); therefore the bus hands out
  events in the order of their ids (`consumption`).
- Events of one key are handled one at a time and in order (`topic_queue`).
- An event's row stays until its consumer has returned and everything that the consumer published is durable
  (`acknowledgement`); after a crash the event is handed out again.
- No tenant can occupy all threads of a topic (`topic_queue`).
- At most one process consumes a data directory (`files`).

Group commit, queues in memory and acknowledgements without waiting are more code than one transaction per write.
What justifies them is the line "one process: webhooks a second, stored and replied" of `make bench`, whose budget is
200: a message and its answer are four commits and as many events. With one transaction per write (`MAX_GROUP = 1`) 32
threads made 300 commits a second instead of 1500, on two shared cores.
"""
