// QUOTA (RFC 9208, which has RFC 2087 in it): GETQUOTA, GETQUOTAROOT, SETQUOTA, the STATUS item DELETED-STORAGE
// (MSS-38). A root is called as the mailbox at which its subtree begins, "" for the whole account;
// docs/decisions/0044-quota-roots.md. Usage and limits are octets in the store and units of 1024 here, both rounded up,
// so that what is within its limit is told so. OVERQUOTA and the warnings: imap/status.cpp,
// imap/session/quota_news.cpp.
#include "schema/quota.h"
#include "base/log.h"
#include "imap/commands/mailbox_argument.h"
#include "imap/response/responses.h"
#include "schema/audit.h"
#include "schema/owners.h"

#include <algorithm>
#include <array>
#include <limits>

namespace cpm::imap::ext::quota {

namespace {

using schema::QuotaLimits;
using schema::QuotaRoot;
using schema::Resource;

constexpr std::uint64_t kUnit = 1024;
constexpr std::uint64_t kMostUnits = std::numeric_limits<std::int64_t>::max() / kUnit;

bool in_units(std::size_t resource) {
  return resource == static_cast<std::size_t>(Resource::storage) ||
         resource == static_cast<std::size_t>(Resource::annotation_storage);
}

std::uint64_t told(std::size_t resource, std::uint64_t value) {
  return in_units(resource) ? value / kUnit + (value % kUnit != 0 ? 1 : 0) : value;
}

// -- responses (RFC 9208 4.2)

void write_name(wire::Encoder& out, const std::string& path) {
  if (path.empty()) {
    out.raw("\"\"");
  } else {
    out.mailbox_atom(path);
  }
}

void write_quota(Session& session, const QuotaRoot& root) {
  wire::Encoder out = session.out.encoder();
  out.raw("* QUOTA ");
  write_name(out, root.path);
  out.raw(" (");
  bool first = true;
  for (std::size_t i = 0; i < root.limits.size(); ++i) {
    if (!root.limits[i]) continue;
    if (!first) out.sp();
    first = false;
    out.raw(schema::kResourceNames[i]).sp().number(told(i, root.used[i])).sp().number(told(i, *root.limits[i]));
  }
  out.raw(")").crlf();
}

// -- GETQUOTA

struct GetCommand {
  std::string root;
};

GetCommand parse_get(wire::Lexer& lexer, const ParseContext&) {
  GetCommand command;
  lexer.sp();
  command.root = lexer.astring();
  lexer.end();
  return command;
}

// Of a root that there is not, too.
Done refused(const Error& error) {
  return error.failure == Failure::not_found ? no("No such quota root", "NONEXISTENT") : failed(error);
}

// The path of a root; empty: the whole account.
Result<std::string> root_path(const Session& session, const std::string& name) {
  if (name.empty()) return std::string();
  return existing_path(session, name);
}

boost::asio::awaitable<Done> execute_get(Session& session, GetCommand command) {
  const auto path = root_path(session, command.root);
  if (!path) co_return refused(path.error());
  auto work = [account = session.principal->account, path = *path](schema::Transaction& tx) {
    return schema::quota_root(tx, account, path);
  };
  auto root = co_await session.db(std::move(work), schema::Mode::reads);
  if (!root) co_return refused(root.error());
  write_quota(session, *root);
  co_return ok("GETQUOTA completed");
}

// -- GETQUOTAROOT

struct RootsCommand {
  std::string mailbox;
};

RootsCommand parse_roots(wire::Lexer& lexer, const ParseContext&) {
  RootsCommand command;
  lexer.sp();
  command.mailbox = grammar::parse_mailbox(lexer);
  lexer.end();
  return command;
}

// The roots of a mailbox, called as the principal names its mailboxes. It need not exist (RFC 9208 4.1.2); one that
// does must be readable (6), because usage tells what is in it, and one of another account must be there.
Result<std::vector<QuotaRoot>> roots_of(schema::Transaction& tx, const schema::Principal& who,
                                        const std::string& path) {
  auto grant = schema::authorize(tx, who, path, schema::kRead);
  if (!grant && (grant.error().failure != Failure::not_found || schema::leads_elsewhere(path))) return grant.error();
  const std::string own = grant ? grant->mailbox().own_path() : path;
  const std::string prefix = grant ? grant->mailbox().path.substr(0, grant->mailbox().path.size() - own.size()) : "";
  CPM_TRY(roots, schema::quota_roots(tx, grant ? grant->account() : who.account));
  std::erase_if(roots, [&](const QuotaRoot& root) { return !schema::governs(root, own); });
  for (QuotaRoot& root : roots) {
    root.path = prefix + root.path;
    if (root.path.ends_with('/')) root.path.pop_back();
  }
  return roots;
}

boost::asio::awaitable<Done> execute_roots(Session& session, RootsCommand command) {
  const auto path = mailbox_path(session, command.mailbox);
  if (!path) co_return failed(path.error());
  const schema::Principal who = *session.principal;
  auto work = [who, path = *path](schema::Transaction& tx) { return roots_of(tx, who, path); };
  auto roots = co_await session.db(std::move(work), schema::Mode::reads);
  if (!roots) co_return failed(roots.error());
  wire::Encoder out = session.out.encoder();
  out.raw("* QUOTAROOT ").mailbox_atom(*path);
  for (const QuotaRoot& root : *roots) {
    out.sp();
    write_name(out, root.path);
  }
  out.crlf();
  for (const QuotaRoot& root : *roots) write_quota(session, root);
  co_return ok("GETQUOTAROOT completed");
}

// -- SETQUOTA

struct SetCommand {
  std::string root;
  std::array<std::optional<std::uint64_t>, 4> limits;  // as they were written
  std::string unknown;                                 // a resource that there is not
};

SetCommand parse_set(wire::Lexer& lexer, const ParseContext&) {
  SetCommand command;
  lexer.sp();
  command.root = lexer.astring();
  lexer.sp();
  lexer.list(true, [&] {
    const std::string name = lexer.word();
    lexer.sp();
    const std::uint64_t limit = lexer.number64();
    const auto known = std::find(schema::kResourceNames.begin(), schema::kResourceNames.end(), name);
    if (known == schema::kResourceNames.end()) {
      command.unknown = name;
      return;
    }
    auto& place = command.limits[static_cast<std::size_t>(known - schema::kResourceNames.begin())];
    if (place) lexer.bad("A resource is named twice: " + name);
    place = limit;
  });
  lexer.end();
  return command;
}

// Whoever pays may not decide how much: the owner only where the configuration says so, a depositing service never.
bool may_set(const Session& session) {
  const schema::Principal& who = *session.principal;
  if ((schema::account_rights(who) & schema::kAdminister) == 0) return false;
  return who.role == schema::Role::full || session.services.settings.quota_set_by_owner;
}

boost::asio::awaitable<Done> execute_set(Session& session, SetCommand command) {
  if (!may_set(session)) co_return no("Limits are set by the administrator", "NOPERM");
  if (!command.unknown.empty()) co_return no("There is no such resource: " + command.unknown, "CANNOT");
  const auto path = root_path(session, command.root);
  if (!path) co_return refused(path.error());
  bool rounded = false;
  QuotaLimits limits;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    if (!command.limits[i]) continue;
    const std::uint64_t units = *command.limits[i];
    rounded = rounded || (in_units(i) && units > kMostUnits);
    limits[i] = in_units(i) ? std::min(units, kMostUnits) * kUnit : units;
  }
  auto work = [who = *session.principal, path = *path, limits](schema::Transaction& tx) -> Result<QuotaRoot> {
    CPM_TRY(root, schema::set_quota(tx, who.account, path, limits));
    schema::AuditEntry entry;
    entry.command = schema::AuditCommand::quota;
    entry.account = who.account;
    const auto text = [](const std::optional<std::uint64_t>& limit) { return limit ? std::to_string(*limit) : "none"; };
    const std::array<std::string, 4> set{text(limits[0]), text(limits[1]), text(limits[2]), text(limits[3])};
    entry.detail = schema::audit_detail(
        {{"root", path}, {"storage", set[0]}, {"messages", set[1]}, {"mailboxes", set[2]}, {"annotations", set[3]}});
    schema::record(tx, who.via, entry);
    return root;
  };
  auto root = co_await session.db(std::move(work));
  if (!root) co_return refused(root.error());
  log::info("imap", "limits set", {{"session", session.id}, {"actor", session.principal->actor}, {"root", *path}});
  write_quota(session, *root);
  co_return ok(rounded ? "SETQUOTA completed, rounded" : "SETQUOTA completed");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "quota";
  extension.rfcs = {"RFC 9208", "RFC 2087"};
  extension.capabilities = {{"QUOTA"}, {"QUOTASET"}};
  for (const std::string_view name : schema::kResourceNames)
    extension.capabilities.push_back({"QUOTA=RES-" + std::string(name)});
  extension.commands = {command("GETQUOTA", kLoggedIn, kNoFlags, parse_get, execute_get),
                        command("GETQUOTAROOT", kLoggedIn, kNoFlags, parse_roots, execute_roots),
                        command("SETQUOTA", kLoggedIn, kNoFlags, parse_set, execute_set)};
  extension.status_items = {{"DELETED-STORAGE", [](const schema::MailboxRow& row) { return row.deleted_bytes; }}};
  extension.response_codes = {"CANNOT", "NONEXISTENT", "NOPERM", "OVERQUOTA"};
  return extension;
}

}  // namespace cpm::imap::ext::quota
