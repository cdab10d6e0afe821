#include "imap/session/message_limit.h"

namespace cpm::imap {

namespace {

bool limits_messages(const Session& session) { return session.services.registry.has("messagelimit"); }

}  // namespace

std::uint64_t message_limit(const Session& session) {
  const std::uint64_t limit = session.limits().messages_per_command;
  return limit > 0 && limits_messages(session) ? limit : 0;
}

std::uint64_t save_limit(const Session& session) {
  if (const std::uint64_t limit = message_limit(session); limit > 0) return limit;
  const std::uint64_t limit = session.limits().messages_per_save;
  return limit > 0 && limits_messages(session) ? limit : 0;
}

std::string message_limit_code(std::uint64_t limit, std::optional<Uid> lowest) {
  std::string code = "MESSAGELIMIT " + std::to_string(limit);
  if (lowest) code += ' ' + std::to_string(lowest->value);
  return code;
}

UidSet within_limit(Session& session, UidSet uids) {
  const std::uint64_t limit = message_limit(session);
  if (limit == 0 || uids.size() <= limit) return uids;
  UidSet kept = uids.greatest(limit);
  session.limited_at = Uid{kept.min()};
  return kept;
}

std::optional<Done> over_save_limit(const Session& session, const UidSet& uids) {
  const std::uint64_t limit = save_limit(session);
  if (limit == 0 || uids.size() <= limit) return std::nullopt;
  return no("Too many messages at once, try fewer", message_limit_code(limit, Uid{uids.greatest(limit).min()}));
}

std::optional<Done> over_save_limit(const Session& session, std::uint64_t messages) {
  const std::uint64_t limit = save_limit(session);
  if (limit == 0 || messages <= limit) return std::nullopt;
  return no("Too many messages at once, try fewer", message_limit_code(limit, std::nullopt));
}

}  // namespace cpm::imap
