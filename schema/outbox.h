// The outbox from the side of who tells: queues of events are taken by a lease, read, and given back with what became
// of them. A queue is what one subscription hears of one mailbox (or, as a digest, of an account): only one node tells
// from it at a time, the oldest event first. What was committed to the outbox is there until a receiver took it, it
// became a dead letter, or its subscription was removed.
// Runs on: db thread.
#pragma once

#include "schema/push.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace cpm::schema {

struct PushClaim {
  AccountId account;
  std::int64_t subscription = 0;
  std::int32_t queue = 0;
  std::int64_t lease = 0;
  int attempts = 0;  // failed ones of the first event
  std::string origin;
};

struct ClaimRequest {
  std::vector<std::string> busy;  // origins that are not to be claimed now
  std::size_t count = 0;          // queues at most
  std::size_t per_origin = 0;
  std::chrono::milliseconds lease{};
};
// Queues that are due, the longest overdue first. What another node just looks at is left out.
[[nodiscard]] Result<std::vector<PushClaim>> claim_push(Transaction& tx, const ClaimRequest& request);

// Takes all leases away. REQUIRES: no other node is there.
[[nodiscard]] Result<bool> free_push(Transaction& tx);

struct OutboxEvent {
  std::int64_t id = 0;
  AccountId account;
  MailboxId mailbox;
  std::uint64_t modseq = 0;
  std::chrono::sys_time<std::chrono::milliseconds> created;
  PushEvent event = PushEvent::message_new;
  std::string detail;  // JSON
};
struct PushWork {
  PushSubscription subscription;
  std::string address;  // the first one of the account; empty: the account is gone
  std::vector<OutboxEvent> events;
};
// The next events of the queue. None: it is empty, or the subscription is gone, and so is then what it was to be told.
[[nodiscard]] Result<PushWork> read_push(Transaction& tx, const PushClaim& claim, std::size_t count,
                                         std::size_t digest_count);

enum class AfterTold { keep, release };  // the lease
// Events that were taken are removed; an empty queue too. Returns whether there is more and the lease still holds.
[[nodiscard]] Result<bool> told_push(Transaction& tx, const PushClaim& claim, const std::vector<std::int64_t>& events,
                                     AfterTold then, std::chrono::milliseconds lease);

struct PushFailure {
  std::vector<std::int64_t> events;   // that were to be told
  bool dead = false;                  // these are not to be tried again
  std::chrono::milliseconds delay{};  // until the next attempt
  std::chrono::seconds most_age{};    // older ones are dead letters, all in the queue
  std::string reason;
};
// Gives the queue back. Returns the number of events that became dead letters.
[[nodiscard]] Result<std::uint64_t> failed_push(Transaction& tx, const PushClaim& claim, const PushFailure& failure);
// Gives it back untouched, due after `delay`.
[[nodiscard]] Result<bool> release_push(Transaction& tx, const PushClaim& claim, std::chrono::milliseconds delay);

// An event that says nothing, for one subscription of an account or, of a service, about `account`. It is told last.
[[nodiscard]] Result<std::int64_t> add_test_event(Transaction& tx, const PushSubscription& subscription,
                                                  AccountId account);
// Of an event of a subscription: still there, and the last failure of its queue.
struct PushState {
  bool waiting = false;
  std::string last_error;
};
[[nodiscard]] Result<PushState> push_state(Transaction& tx, AccountId account, std::int64_t subscription,
                                           std::int64_t event);

// -- dead letters

struct DeadEvent {
  OutboxEvent event;
  std::int64_t subscription = 0;
  std::string address, service, device;  // whose; empty: gone
  std::chrono::sys_seconds died;
  int attempts = 0;
  std::string reason;
};
struct DeadFilter {
  AccountId account;            // none: all
  std::string service, device;  // empty: all
};
// The latest first.
[[nodiscard]] Result<std::vector<DeadEvent>> list_dead(Transaction& tx, const DeadFilter& filter, std::size_t count);
// They are told again, in their old order; some thousand at a time. Returns how many.
[[nodiscard]] Result<std::uint64_t> replay_dead(Transaction& tx, const DeadFilter& filter, std::size_t count);
// Removes dead letters older than `age`, some thousand at a time.
[[nodiscard]] Result<std::uint64_t> forget_dead(Transaction& tx, std::chrono::seconds age);

// -- what there is to do

struct PushBacklog {
  PushSink sink = PushSink::webhook;
  std::uint64_t queues = 0;       // that are not empty
  std::uint64_t failing = 0;      // of these
  std::chrono::seconds oldest{};  // age of the oldest event in them
};
// Looks at a few thousand queues at most.
[[nodiscard]] Result<std::vector<PushBacklog>> push_backlog(Transaction& tx);

struct PushQueueRow {
  std::string address, service, device, mailbox;
  std::uint64_t events = 0;
  int attempts = 0;
  bool leased = false;
  std::chrono::milliseconds due{};  // from now
  std::string last_error;
};
[[nodiscard]] Result<std::vector<PushQueueRow>> list_push_queues(Transaction& tx, std::size_t count);

// Who has subscriptions: for whom a change may be an event.
struct PushWatched {
  bool everybody = false;  // a service has one, or there are too many to name
  std::vector<AccountId> accounts;
};
[[nodiscard]] Result<PushWatched> push_watched(Transaction& tx, std::size_t most);

}  // namespace cpm::schema
