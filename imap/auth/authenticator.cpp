#include "imap/auth/authenticator.h"

#include "base/log.h"
#include "imap/session/session.h"
#include "imap/session/session_list.h"
#include "schema/audit.h"
#include "schema/credentials.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace cpm::imap::auth {

namespace {

constexpr std::size_t kSaltOctets = 16;
constexpr std::size_t kLoggedOctets = 256;  // of a name that a stranger sent

// One spelling for the spellings of an address, so that they share one count and one salt.
std::string canonical(std::string_view name) {
  auto address = schema::canonical_address(name);
  return address ? *address : std::string(name);
}

boost::asio::awaitable<void> wait(std::chrono::milliseconds time) {
  auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor, time);
  co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
}

void log_refusal(const Session& session, const std::string& mechanism, const Identity& who, const std::string& why) {
  log::info("auth", "login refused",
            {{"session", session.id},
             {"actor", who.name.substr(0, kLoggedOctets)},
             {"acted_for", who.authzid.substr(0, kLoggedOctets)},
             {"mechanism", mechanism},
             {"peer", session.stream->peer().address},
             {"why", why}});
}

}  // namespace

schema::ScramKeys invented_keys(std::string_view installation_secret, std::string_view name) {
  const std::string text = canonical(name);
  schema::ScramKeys keys;
  keys.salt = schema::hmac_sha256(installation_secret, "salt:" + text).substr(0, kSaltOctets);
  keys.iterations = schema::kScramIterations;
  keys.stored_key = schema::hmac_sha256(installation_secret, "stored:" + text);
  keys.server_key = schema::hmac_sha256(installation_secret, "server:" + text);
  return keys;
}

Authenticator::Authenticator(schema::Database& db, Pool& cpu, Settings settings)
    : db_(db),
      cpu_(cpu),
      settings_(std::move(settings)),
      lockout_(settings_.lockout),
      verified_(settings_.cache),
      tokens_(settings_.tokens) {}

MechanismContext Authenticator::context(const Session& session) const {
  const std::lock_guard lock(mutex_);
  return {settings_, session.stream->tls(), session.services.settings.allow_plaintext, tokens_};
}

void Authenticator::set_tokens(std::shared_ptr<const TokenVerifier> tokens) {
  const std::lock_guard lock(mutex_);
  tokens_ = std::move(tokens);
}

bool Authenticator::clear_lockout(std::string_view key) {
  const std::string name = canonical(key);
  return lockout_.clear(key) || lockout_.clear(name);
}

AuthStatistics Authenticator::statistics() const { return {accepted_, refused_, unauthorized_, locked_, cached_}; }

std::string Authenticator::secret() const {
  const std::lock_guard lock(mutex_);
  return secret_;
}

Result<Authenticator::Lookup> Authenticator::look_up(schema::Transaction& tx, const std::string& name,
                                                     const std::string& authzid) {
  auto record = schema::login_record(tx, name);
  if (!record && record.error().failure == Failure::not_found) {
    // RFC 5802 5.1: names compare as SASLprep makes them; addresses are stored as the operator wrote them.
    const auto prepared = schema::saslprep(name, schema::Saslprep::query);
    if (prepared && *prepared != name) record = schema::login_record(tx, *prepared);
  }
  Lookup found;
  if (!record) {
    if (record.error().failure != Failure::not_found) return record.error();
    found.principal = record.error();
    return found;
  }
  found.principal = schema::principal_for(tx, *record, authzid);
  found.record = std::move(*record);
  return found;
}

boost::asio::awaitable<Result<Authenticator::Lookup>> Authenticator::find(Session& session, std::string name,
                                                                          std::string authzid) {
  // The secret is read for every first attempt, known name or not.
  if (secret().empty()) {
    auto read = co_await session.db([](schema::Transaction& tx) { return schema::installation_secret(tx); });
    if (!read) co_return read.error();
    const std::lock_guard lock(mutex_);
    secret_ = *read;
  }
  const auto prepared = schema::saslprep(name, schema::Saslprep::query);
  const bool one_statement = authzid.empty() && (!prepared || *prepared == name);
  const schema::Mode mode = one_statement ? schema::Mode::single : schema::Mode::transaction;
  auto work = [name, authzid](schema::Transaction& tx) -> Result<Lookup> { return look_up(tx, name, authzid); };
  auto found = co_await db_.run(schema::Wall::closed(), session.limits().command_deadline, std::move(work), mode);
  co_return found;
}

CandidateKeys Authenticator::candidate(const Lookup& found, std::string_view name) const {
  if (!found.record || !found.record->keys) return {invented_keys(secret(), name), false};
  return {*found.record->keys, !found.record->disabled};
}

// Refuses at once while the name or the peer's network is locked: nothing is looked up, so nothing is told.
boost::asio::awaitable<Result<void>> Authenticator::ready(Session& session, std::string mechanism, std::string name) {
  const auto locked = lockout_.locked_for(canonical(name), session.stream->peer(), Lockout::Clock::now());
  if (locked.count() == 0) co_return Result<void>{};
  ++locked_;
  log_refusal(session, mechanism, Identity{name, {}, {}},
              "locked for " + std::to_string(locked.count() / 1000 + 1) + "s");
  co_return fail(Failure::locked_out, "Too many failures, try again later");
}

boost::asio::awaitable<Result<bool>> Authenticator::verify(const Lookup& found, std::string name,
                                                           std::string password) {
  CandidateKeys against = candidate(found, name);
  // Text that SASLprep refuses is nobody's password; it is hashed all the same.
  const auto prepared = schema::saslprep(password, schema::Saslprep::query);
  if (prepared) password = *prepared;
  const std::string entry = verified_.entry(against.keys.stored_key, password);
  if (against.usable && verified_.contains(entry, Lockout::Clock::now())) {
    ++cached_;
    co_return true;
  }
  auto work = [keys = against.keys, password](std::size_t) -> Result<bool> {
    return schema::matches_password(keys, password);
  };
  auto matched = co_await cpu_.run(std::move(work));
  if (!matched) co_return matched.error();
  const bool right = *matched && against.usable;
  if (right) verified_.remember(entry, Lockout::Clock::now());
  co_return right;
}

Result<schema::Principal> Authenticator::admit(Session& session, const std::string& mechanism, const Identity& who,
                                               const Lookup& found) {
  if (!found.principal) {
    ++unauthorized_;
    log_refusal(session, mechanism, who, found.principal.error().text);
    return fail(Failure::authz_failed, "Not authorized to act for that identity");
  }
  const schema::Principal principal = *found.principal;
  if (!session.services.sessions.enter_account(session.id, principal.account,
                                               session.limits().connections_per_address)) {
    log_refusal(session, mechanism, who, "too many sessions of the account");
    return fail(Failure::limit, "Too many sessions for this account");
  }
  ++accepted_;
  lockout_.succeeded(canonical(who.name));
  session.log_in(principal);
  log::info("auth", "login",
            {{"session", session.id},
             {"actor", principal.actor},
             {"acted_for", principal.address},
             {"mechanism", mechanism},
             {"peer", session.stream->peer().address}});
  return principal;
}

boost::asio::awaitable<Result<schema::Principal>> Authenticator::password(Session& session, std::string mechanism,
                                                                          Identity who, std::string password) {
  auto allowed = co_await ready(session, mechanism, who.name);
  if (!allowed) co_return allowed.error();
  auto found = co_await find(session, who.name, who.authzid);
  if (!found) co_return found.error();
  auto right = co_await verify(*found, who.name, std::move(password));
  if (!right) co_return right.error();
  // Guesses side by side all found the name unlocked; who comes after the lock learns nothing any more.
  auto still = co_await ready(session, mechanism, who.name);
  if (!still) co_return still.error();
  if (!*right) {
    std::string why = "wrong name or password";
    co_await refused(session, std::move(mechanism), std::move(who), std::move(why));
    co_return fail(Failure::auth_failed, "Authentication failed");
  }
  auto admitted = admit(session, mechanism, who, *found);
  auto logged_in = co_await recorded(session, std::move(mechanism), std::move(admitted));
  co_return logged_in;
}

boost::asio::awaitable<Result<CandidateKeys>> Authenticator::keys(Session& session, std::string mechanism,
                                                                  std::string name) {
  auto allowed = co_await ready(session, mechanism, name);
  if (!allowed) co_return allowed.error();
  auto found = co_await find(session, name, {});
  if (!found) co_return found.error();
  co_return candidate(*found, name);
}

boost::asio::awaitable<Result<schema::Principal>> Authenticator::proved(Session& session, std::string mechanism,
                                                                        Identity who) {
  auto found = co_await find(session, who.name, who.authzid);
  if (!found) co_return found.error();
  if (who.stored_key) {  // proved by a password: tokens and certificates cannot be guessed and are not locked out
    auto still = co_await ready(session, mechanism, who.name);
    if (!still) co_return fail(Failure::auth_failed, "Authentication failed");  // as for a wrong proof
  }
  const auto& record = found->record;
  const bool same_keys = !who.stored_key || (record && record->keys && record->keys->stored_key == *who.stored_key);
  if (!record || record->disabled || !same_keys) {
    std::string why = record ? "disabled or changed" : "no such name";
    co_await refused(session, std::move(mechanism), std::move(who), std::move(why));
    co_return fail(Failure::auth_failed, "Authentication failed");
  }
  auto admitted = admit(session, mechanism, who, *found);
  auto logged_in = co_await recorded(session, std::move(mechanism), std::move(admitted));
  co_return logged_in;
}

boost::asio::awaitable<Result<schema::Principal>> Authenticator::recorded(Session& session, std::string mechanism,
                                                                          Result<schema::Principal> admitted) {
  if (!admitted) co_return admitted;
  auto done = co_await session.record_login(std::move(mechanism));
  if (done) co_return admitted;
  session.log_out();
  co_return done.error();
}

boost::asio::awaitable<void> Authenticator::refused(Session& session, std::string mechanism, Identity who,
                                                    std::string why) {
  ++refused_;
  const auto delay = lockout_.failed(who.name.empty() ? std::string() : canonical(who.name), session.stream->peer(),
                                     Lockout::Clock::now());
  log_refusal(session, mechanism, who, why);
  const auto& record = session.services.settings.record;
  if (record.on && record.logins && !who.name.empty()) {
    schema::ActorFacts facts{"imap",
                             who.name.substr(0, kLoggedOctets),
                             who.authzid.substr(0, kLoggedOctets),
                             session.client_id,
                             session.stream->peer().address,
                             record.node,
                             session.id};
    auto work = [facts, name = who.name, mechanism, why](schema::Transaction& tx) -> Result<void> {
      const std::string detail = schema::audit_detail({{"mechanism", mechanism}, {"why", why}});
      schema::record_refused_login(tx, schema::make_actor(facts, true, false), name, detail);
      return {};
    };
    auto done = co_await session.db(std::move(work), schema::Mode::single);
    if (!done) log::debug("auth", "refusal not recorded", {{"session", session.id}, {"why", done.error().detail}});
  }
  co_await wait(delay);
}

}  // namespace cpm::imap::auth
