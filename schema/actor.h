// Actor: who does what the record of changes (schema/audit.h) says, for as long as one session lasts. It travels with
// the Principal and the Grant to the statements that change something, so that nothing is recorded about somebody else.
// Runs on: any thread; immutable.
#pragma once

#include "base/ids.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace cpm::schema {

struct Actor {
  std::int64_t session = 0;    // audit_session.session_id, random; 0: nothing is recorded
  AccountId home;              // whose record knows the session already; none: nobody's
  std::string known;           // jsonb: {"s": session}
  std::string full;            // the same with all that is to be known of the session
  bool keeps_removed = false;  // what it expunges can be restored for a while (schema/undelete.h)
  std::chrono::steady_clock::time_point made;
};
using ActorRef = std::shared_ptr<const Actor>;

// What is known of a session.
struct ActorFacts {
  std::string program;    // "imap", "cpmctl", "upkeep"
  std::string actor;      // who logged in: an address or the name of a service
  std::string acted_for;  // the address acted for
  std::string client;     // RFC 2971
  std::string peer;       // network address
  std::string node;
  std::string session;  // its name in the log
};

// A new session. `recorded`: false when nothing is.
[[nodiscard]] ActorRef make_actor(const ActorFacts& facts, bool recorded, bool keeps_removed);
// The same once the record of this account knows it: rows there need no more than its number.
[[nodiscard]] ActorRef known_to(const ActorRef& actor, AccountId home);

// The parameter p_by of our functions (migrations/0017) for a change in this account; null: not recorded.
[[nodiscard]] std::optional<std::string> by(const ActorRef& actor, AccountId account);

}  // namespace cpm::schema
