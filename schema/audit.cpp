#include "schema/audit.h"

#include "schema/directory.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace cpm::schema {

namespace {

constexpr Query kRecord{"audit_record", "select change_record_v1($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10, $11)"};
constexpr Query kLogin{"audit_login", "select login_record_v1($1, $2, $3, 0, $4)"};
constexpr Query kRefused{"audit_login_refused", "select login_refused_v1($1, $2, $3)"};

// Both orders, each a walk along the primary key. $2, $3: from, to; $4: commands or null; $5: a path or null, $6 what
// is below it begins with; $7: a mailbox or null; $8: an actor or null; $9, $10: the cursor or null; $11: how many.
#define CPM_AUDIT_ROWS                                                                                                \
  "select (extract(epoch from a.at) * 1000000)::bigint, a.n, a.command, a.result, a.mailbox_id, a.mailbox, a.modseq," \
  " a.messages, a.octets, a.uids, a.detail, a.session_id, s.program, s.actor, s.acted_for, s.client, s.peer, s.node," \
  " s.session, (extract(epoch from s.begun_at) * 1000000)::bigint"                                                    \
  " from audit a left join audit_session s on s.account_id = $1 and s.session_id = a.session_id"                      \
  " where a.account_id = $1 and a.at >= $2 and a.at < $3"                                                             \
  " and ($4::int[] is null or a.command = any ($4::int[]))"                                                           \
  " and ($5::text is null or a.mailbox = $5 or starts_with(a.mailbox, $6)"                                            \
  " or a.detail ->> 'from' = $5 or a.detail ->> 'to' = $5)"                                                           \
  " and ($7::int is null or a.mailbox_id = $7)"                                                                       \
  " and ($8::text is null or s.actor = $8 or s.acted_for = $8)"

constexpr Query kOldest{"audit_oldest", CPM_AUDIT_ROWS
                        " and ($9::timestamptz is null or (a.at, a.n) > ($9, $10)) order by a.at, a.n limit $11"};
constexpr Query kNewest{
    "audit_newest",
    CPM_AUDIT_ROWS " and ($9::timestamptz is null or (a.at, a.n) < ($9, $10)) order by a.at desc, a.n desc limit $11"};
#undef CPM_AUDIT_ROWS

constexpr Query kPlaces{
    "audit_places",
    "with found as (select h.content_id from content_by_id h where h.account_id = $1 and length(h.message_id) = "
    "length($2)"
    " and hashtextextended(upper(h.message_id), 0) = hashtextextended(upper($2), 0) and h.message_id = $2)"
    " select m.mailbox_id, m.uid, true from found f join message m on m.account_id = $1 and m.content_id = f.content_id"
    " union all select r.mailbox_id, r.uid, false from found f join removed_message r on r.account_id = $1"
    " and r.content_id = f.content_id order by 1, 2 limit 1000"};

struct Name {
  AuditCommand command;
  std::string_view name;
};
constexpr std::array<Name, 29> kNames{{
    {AuditCommand::login, "login"},
    {AuditCommand::logout, "logout"},
    {AuditCommand::login_refused, "login-refused"},
    {AuditCommand::append, "append"},
    {AuditCommand::copy, "copy"},
    {AuditCommand::move, "move"},
    {AuditCommand::store, "store"},
    {AuditCommand::move_out, "move-out"},
    {AuditCommand::expunge, "expunge"},
    {AuditCommand::retention, "retention"},
    {AuditCommand::restore, "restore"},
    {AuditCommand::create, "create"},
    {AuditCommand::rename, "rename"},
    {AuditCommand::remove, "delete"},
    {AuditCommand::subscribe, "subscribe"},
    {AuditCommand::unsubscribe, "unsubscribe"},
    {AuditCommand::metadata, "metadata"},
    {AuditCommand::annotate, "annotate"},
    {AuditCommand::acl, "acl"},
    {AuditCommand::url_keys, "url-keys"},
    {AuditCommand::quota, "quota"},
    {AuditCommand::policy, "policy"},
    {AuditCommand::push, "push"},
    {AuditCommand::select, "select"},
    {AuditCommand::fetch, "fetch"},
    {AuditCommand::user_add, "user-add"},
    {AuditCommand::user_remove, "user-remove"},
    {AuditCommand::user_change, "user-change"},
    {AuditCommand::service, "service"},
}};

std::string instant(std::int64_t micros) {
  // PostgreSQL reads an ISO date with a fraction; years as ours are in its range.
  using namespace std::chrono;
  const sys_time<microseconds> time{microseconds(micros)};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss<microseconds> clock(time - day);
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u %02d:%02d:%02d.%06ldZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()), static_cast<long>(clock.subseconds().count()));
  return text.data();
}

bool holds_uid(std::string_view ranges, std::uint32_t uid) {
  while (!ranges.empty()) {
    const std::string_view one = ranges.substr(0, ranges.find(','));
    ranges.remove_prefix(std::min(ranges.size(), one.size() + 1));
    const std::size_t colon = one.find(':');
    const auto number = [](std::string_view text) { return std::stoul("0" + std::string(text)); };
    const auto lo = number(one.substr(0, colon));
    const auto hi = colon == std::string_view::npos ? lo : number(one.substr(colon + 1));
    if (uid >= lo && uid <= hi) return true;
  }
  return false;
}

AuditRow row_from(const pqxx::row& row, AccountId account) {
  AuditRow out;
  const auto text = [&](int column) {
    return row[column].is_null() ? std::string() : std::string(row[column].c_str());
  };
  out.account = account;
  out.at = {row[0].as<std::int64_t>(), row[1].as<std::int32_t>()};
  out.number = row[2].as<std::int16_t>();
  out.command = static_cast<AuditCommand>(out.number);
  out.refused = row[3].as<int>() != 0;
  out.mailbox = MailboxId{row[4].as<std::int32_t>()};
  out.path = text(5);
  out.modseq = row[6].as<std::uint32_t>();
  out.messages = row[7].as<std::uint32_t>();
  out.octets = row[8].as<std::uint64_t>();
  out.uids = text(9);
  out.detail = text(10);
  out.session = {row[11].as<std::int64_t>(), text(12), text(13), text(14), text(15), text(16), text(17), text(18), {}};
  if (!row[19].is_null()) out.session.begun += std::chrono::microseconds(row[19].as<std::int64_t>());
  return out;
}

}  // namespace

std::string_view audit_command_name(AuditCommand command) noexcept {
  for (const Name& one : kNames) {
    if (one.command == command) return one.name;
  }
  return "unknown";
}

std::optional<AuditCommand> audit_command_from(std::string_view name) noexcept {
  for (const Name& one : kNames) {
    if (one.name == name) return one.command;
  }
  return std::nullopt;
}

const std::vector<AuditCommand>& audit_commands() {
  static const std::vector<AuditCommand> all = [] {
    std::vector<AuditCommand> commands;
    for (const Name& one : kNames) commands.push_back(one.command);
    return commands;
  }();
  return all;
}

std::string audit_detail(std::initializer_list<std::pair<std::string_view, std::string_view>> members) {
  nlohmann::json out = nlohmann::json::object();
  for (const auto& [name, value] : members) out[std::string(name)] = std::string(value);
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void record(Transaction& tx, const ActorRef& actor, const AuditEntry& entry) {
  const auto who = by(actor, entry.account);
  if (!who && entry.event == AuditEvent::none) return;
  std::optional<std::string> detail;
  if (!entry.detail.empty()) detail = entry.detail;
  std::optional<int> event;
  if (entry.event != AuditEvent::none) event = static_cast<int>(entry.event);
  tx.exec(kRecord, entry.account.value, who, static_cast<int>(entry.command), entry.refused ? 1 : 0,
          entry.mailbox.value, entry.path, entry.uids, entry.messages, entry.octets, detail, event);
}

void record_login(Transaction& tx, const ActorRef& actor, AccountId account, AuditCommand command,
                  std::string_view detail) {
  const auto who = by(actor, account);
  if (!who) return;
  std::optional<std::string> text;
  if (!detail.empty()) text = std::string(detail);
  tx.exec(kLogin, account.value, who, static_cast<int>(command), text);
}

void record_refused_login(Transaction& tx, const ActorRef& actor, std::string_view address, std::string_view detail) {
  const auto who = by(actor, AccountId{});
  const auto name = canonical_address(address);
  if (!who || !name) return;
  tx.exec(kRefused, *name, who, detail);
}

Result<std::vector<AuditRow>> read_audit(Transaction& tx, AccountId account, const AuditFilter& filter) {
  constexpr std::size_t kPage = 1000;
  std::vector<AuditRow> out;
  std::optional<std::string> commands, path, actor;
  std::optional<std::int32_t> mailbox;
  if (!filter.commands.empty()) {
    std::vector<std::int64_t> numbers;
    for (const AuditCommand command : filter.commands) numbers.push_back(static_cast<std::int64_t>(command));
    commands = array(std::span<const std::int64_t>(numbers));
  }
  if (!filter.mailbox.empty()) path = filter.mailbox;
  if (!filter.actor.empty()) actor = filter.actor;
  if (filter.mailbox_id) mailbox = filter.mailbox_id->value;
  const std::string since = filter.since ? instant(*filter.since) : "-infinity";
  const std::string until = filter.until ? instant(*filter.until) : "infinity";
  std::optional<AuditCursor> after = filter.after;
  // One who looks for a UID may have to see many rows until there is one.
  for (;;) {
    std::optional<std::string> at;
    if (after) at = instant(after->at);
    const std::size_t wanted = filter.uid ? kPage : filter.limit - out.size();
    const pqxx::result rows = tx.exec(filter.newest_first ? kNewest : kOldest, account.value, since, until, commands,
                                      path, filter.mailbox + '/', mailbox, actor, at, after ? after->n : 0, wanted);
    for (const auto& row : rows) {
      AuditRow one = row_from(row, account);
      after = one.at;
      if (filter.uid && !holds_uid(one.uids, *filter.uid)) continue;
      out.push_back(std::move(one));
      if (out.size() == filter.limit) return out;
    }
    if (rows.size() < wanted) return out;
  }
}

Result<std::vector<AuditPlace>> places_of_message_id(Transaction& tx, AccountId account, std::string_view message_id) {
  std::vector<AuditPlace> out;
  for (const auto& row : tx.exec(kPlaces, account.value, message_id)) {
    out.push_back({MailboxId{row[0].as<std::int32_t>()}, row[1].as<std::uint32_t>(), row[2].as<bool>()});
  }
  return out;
}

}  // namespace cpm::schema
