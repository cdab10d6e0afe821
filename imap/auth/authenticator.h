// Authenticator: the one place where a session becomes somebody. It verifies, slows down guessing, checks the
// authorization identity and the account's session limit, and writes one log line for each attempt. Unknown and
// disabled names take the same road as wrong passwords: same work, same answer. Design decision 16; RFC 4422, RFC 4616,
// RFC 5802.
// Runs on: coroutines on the session's strand, database and cpu work on their pools; shared state has its own
// mutexes.
#pragma once

#include "base/pool.h"
#include "base/result.h"
#include "imap/auth/lockout.h"
#include "imap/auth/mechanism.h"
#include "imap/auth/settings.h"
#include "imap/auth/verified_cache.h"
#include "schema/access.h"
#include "schema/accounts.h"
#include "schema/database.h"

#include <boost/asio/awaitable.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace cpm::imap {
class Session;
}

namespace cpm::imap::auth {

// The keys for a SCRAM exchange; not usable: invented, or of an account that may not log in.
struct CandidateKeys {
  schema::ScramKeys keys;
  bool usable = false;
};

struct AuthStatistics {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;       // wrong credentials
  std::uint64_t unauthorized = 0;  // right credentials, wrong authzid
  std::uint64_t locked = 0;        // refused unseen because of a lock
  std::uint64_t cached = 0;        // verified from the cache
};

// What an unknown name is checked against: the same for the name each time, different for each installation.
[[nodiscard]] schema::ScramKeys invented_keys(std::string_view installation_secret, std::string_view name);

class Authenticator {
 public:
  Authenticator(schema::Database& db, Pool& cpu, Settings settings);

  // LOGIN and PLAIN: verifies and logs the session in. On failure the session is unchanged; the answer has been delayed
  // already. Failures: auth_failed, authz_failed, locked_out, limit, unavailable, timeout.
  boost::asio::awaitable<Result<schema::Principal>> password(Session& session, std::string mechanism, Identity who,
                                                             std::string password);
  // For exchanges that prove the password without sending it. Failures: locked_out, unavailable, timeout.
  boost::asio::awaitable<Result<CandidateKeys>> keys(Session& session, std::string mechanism, std::string name);
  // After a mechanism has proved `who`: logs the session in. The account is read again, as time has passed.
  boost::asio::awaitable<Result<schema::Principal>> proved(Session& session, std::string mechanism, Identity who);
  // After a mechanism has refused: counts, logs and waits.
  boost::asio::awaitable<void> refused(Session& session, std::string mechanism, Identity who, std::string why);

  [[nodiscard]] MechanismContext context(const Session& session) const;
  [[nodiscard]] const Settings& settings() const { return settings_; }
  void set_tokens(std::shared_ptr<const TokenVerifier> tokens);  // new signing keys at a reload

  [[nodiscard]] std::vector<LockoutEntry> lockouts() const { return lockout_.entries(Lockout::Clock::now()); }
  bool clear_lockout(std::string_view key);  // see Lockout::clear
  [[nodiscard]] AuthStatistics statistics() const;

 private:
  struct Lookup {
    std::optional<schema::LoginRecord> record;                  // none: no such name
    Result<schema::Principal> principal = schema::Principal{};  // whom it would act for
  };
  static Result<Lookup> look_up(schema::Transaction& tx, const std::string& name, const std::string& authzid);
  boost::asio::awaitable<Result<Lookup>> find(Session& session, std::string name, std::string authzid);
  boost::asio::awaitable<Result<void>> ready(Session& session, std::string mechanism, std::string name);
  // What follows on admit(): the record of changes hears of it. Without that the session is not logged in.
  static boost::asio::awaitable<Result<schema::Principal>> recorded(Session& session, std::string mechanism,
                                                                    Result<schema::Principal> admitted);
  boost::asio::awaitable<Result<bool>> verify(const Lookup& found, std::string name, std::string password);
  Result<schema::Principal> admit(Session& session, const std::string& mechanism, const Identity& who,
                                  const Lookup& found);
  [[nodiscard]] CandidateKeys candidate(const Lookup& found, std::string_view name) const;
  [[nodiscard]] std::string secret() const;

  schema::Database& db_;
  Pool& cpu_;
  const Settings settings_;
  Lockout lockout_;
  VerifiedCache verified_;
  mutable std::mutex mutex_;
  std::string secret_;                           // protected by mutex_; of the installation, empty until first asked
  std::shared_ptr<const TokenVerifier> tokens_;  // protected by mutex_
  std::atomic<std::uint64_t> accepted_{0}, refused_{0}, unauthorized_{0}, locked_{0}, cached_{0};
};

}  // namespace cpm::imap::auth
