// ACL (RFC 4314): SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS. Ours: XACL tells what entries are beyond RFC 4314,
// who granted them, when, why and until when; XSHARE decides about what others share (docs/sharing.md). Who may do what
// follows from the entries in schema/access.h alone.
#include "schema/acl.h"
#include "imap/commands/mailbox_argument.h"
#include "imap/grammar/acl_identifier.h"
#include "imap/response/responses.h"

namespace cpm::imap::ext::acl {

namespace {

using schema::Rights;

Error no_identifier() { return fail(Failure::invalid, "No such user or group"); }

// -- SETACL, DELETEACL

struct ChangeCommand {
  bool remove = false;  // DELETEACL
  std::string mailbox;
  std::string identifier;
  schema::AclChange change = schema::AclChange::replace;
  Rights rights = 0;
};

ChangeCommand parse_setacl(wire::Lexer& lexer, const ParseContext&) {
  ChangeCommand command;
  lexer.sp();
  command.mailbox = grammar::parse_mailbox(lexer);
  lexer.sp();
  command.identifier = lexer.astring();
  lexer.sp();
  std::string rights = lexer.astring();
  lexer.end();
  if (rights.starts_with('+') || rights.starts_with('-')) {
    command.change = rights.front() == '+' ? schema::AclChange::add : schema::AclChange::remove;
    rights.erase(0, 1);
  }
  const auto known = schema::rights_from(rights);
  if (!known) lexer.bad("There is a right that is not known");
  command.rights = *known;
  return command;
}

ChangeCommand parse_deleteacl(wire::Lexer& lexer, const ParseContext&) {
  ChangeCommand command;
  command.remove = true;
  lexer.sp();
  command.mailbox = grammar::parse_mailbox(lexer);
  lexer.sp();
  command.identifier = lexer.astring();
  lexer.end();
  return command;
}

struct Changed {
  bool different = false;
  schema::MailboxRef mailbox;
  schema::AclIdentifier identifier;
};

// Who is affected hears of it: sessions that have the mailbox selected, and those that watch names.
void announce(Session& session, const Changed& changed) {
  if (!changed.different) return;
  ChangeHub& hub = session.services.hub;
  hub.changed(changed.mailbox.account, changed.mailbox.id);
  hub.changed(changed.mailbox.account, kNamesChanged);
  if (changed.identifier.kind == schema::GranteeKind::account)
    hub.changed(AccountId{changed.identifier.id}, kNamesChanged);
}

boost::asio::awaitable<Done> execute_change(Session& session, ChangeCommand command) {
  const auto path = existing_path(session, command.mailbox);
  if (!path) co_return failed(path.error());
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  auto identifier = grammar::read_acl_identifier(command.identifier, now);
  auto work = [who = *session.principal, name = *path, identifier, command,
               &limits = session.limits()](schema::Transaction& tx) -> Result<Changed> {
    CPM_TRY(grant, schema::authorize(tx, who, name, schema::kAdminister));
    if (!identifier) return identifier.error();
    auto known = schema::find_identifier(tx, identifier->name);
    if (!known) return known.error().failure == Failure::not_found ? no_identifier() : known.error();
    Changed out{false, grant.ref(), *known};
    if (command.remove) {
      CPM_TRY(different, schema::delete_acl(tx, who, grant, *known, identifier->negative));
      out.different = different;
      return out;
    }
    const schema::NewAclEntry entry{*known,         identifier->negative, command.change,
                                    command.rights, identifier->expires,  identifier->reason};
    CPM_TRY(different, schema::set_acl(tx, who, grant, entry, limits));
    out.different = different;
    return out;
  };
  auto changed = co_await session.db(std::move(work));
  if (!changed) co_return failed(changed.error());
  announce(session, *changed);
  co_return ok(command.remove ? "DELETEACL completed" : "SETACL completed");
}

// -- GETACL, XACL

struct MailboxCommand {
  std::string mailbox;
};

MailboxCommand parse_mailbox(wire::Lexer& lexer, const ParseContext&) {
  MailboxCommand command;
  lexer.sp();
  command.mailbox = grammar::parse_mailbox(lexer);
  lexer.end();
  return command;
}

struct Entries {
  std::string path;
  std::vector<schema::AclEntry> entries;
};

boost::asio::awaitable<Result<Entries>> entries_of(Session& session, std::string wire_name) {
  const auto path = existing_path(session, wire_name);
  if (!path) co_return path.error();
  auto work = [who = *session.principal, name = *path](schema::Transaction& tx) -> Result<Entries> {
    CPM_TRY(grant, schema::authorize(tx, who, name, schema::kAdminister));
    CPM_TRY(entries, schema::list_acl(tx, grant));
    return Entries{grant.mailbox().path, std::move(entries)};
  };
  auto entries = co_await session.db(std::move(work), schema::Mode::reads);
  co_return entries;
}

std::string identifier_text(const schema::AclEntry& entry) {
  return (entry.negative ? "-" : "") + entry.identifier.text;
}

boost::asio::awaitable<Done> execute_getacl(Session& session, MailboxCommand command) {
  auto entries = co_await entries_of(session, std::move(command.mailbox));
  if (!entries) co_return failed(entries.error());
  wire::Encoder out = session.out.encoder();
  out.raw("* ACL ").mailbox_quoted(entries->path);
  for (const schema::AclEntry& entry : entries->entries) {
    out.sp().astring(identifier_text(entry)).sp().astring(schema::rights_text(entry.rights));
  }
  out.crlf();
  co_return ok("GETACL completed");
}

// Not granted by anybody: what the owner has from the beginning.
boost::asio::awaitable<Done> execute_xacl(Session& session, MailboxCommand command) {
  auto entries = co_await entries_of(session, std::move(command.mailbox));
  if (!entries) co_return failed(entries.error());
  for (const schema::AclEntry& entry : entries->entries) {
    const bool given = !entry.grantor.empty();
    wire::Encoder out = session.out.encoder();
    out.raw("* XACL ").mailbox_quoted(entries->path).sp().astring(identifier_text(entry));
    out.raw(" (RIGHTS ").astring(schema::rights_text(entry.rights)).raw(" GRANTOR ");
    out.nstring(given ? std::optional(entry.grantor) : std::nullopt).raw(" GRANTED ");
    out.nstring(given ? std::optional(grammar::moment_text(entry.granted)) : std::nullopt).raw(" EXPIRES ");
    out.nstring(entry.expires ? std::optional(grammar::moment_text(*entry.expires)) : std::nullopt).raw(" REASON ");
    out.nstring(entry.reason.empty() ? std::nullopt : std::optional(entry.reason)).raw(")").crlf();
    auto sent = co_await session.out.relieve();
    if (!sent) co_return failed(sent.error());
  }
  co_return ok("XACL completed");
}

// -- LISTRIGHTS, MYRIGHTS

// Those that RFC 2086 did not have; `n` is for annotations of messages (RFC 5257 4).
std::string new_rights(const Session& session) {
  return session.services.registry.has("annotate") ? "RIGHTS=texkn" : "RIGHTS=texk";
}

struct ListRightsCommand {
  std::string mailbox;
  std::string identifier;
};

ListRightsCommand parse_listrights(wire::Lexer& lexer, const ParseContext&) {
  ListRightsCommand command;
  lexer.sp();
  command.mailbox = grammar::parse_mailbox(lexer);
  lexer.sp();
  command.identifier = lexer.astring();
  lexer.end();
  return command;
}

struct Possible {
  std::string path;
  bool owner = false;
};

boost::asio::awaitable<Done> execute_listrights(Session& session, ListRightsCommand command) {
  const auto path = existing_path(session, command.mailbox);
  if (!path) co_return failed(path.error());
  auto identifier = grammar::read_acl_identifier(command.identifier, {});
  auto work = [who = *session.principal, name = *path, identifier](schema::Transaction& tx) -> Result<Possible> {
    CPM_TRY(grant, schema::authorize(tx, who, name, schema::kAdminister));
    if (!identifier) return identifier.error();
    auto known = schema::find_identifier(tx, identifier->name);
    if (!known) return known.error().failure == Failure::not_found ? no_identifier() : known.error();
    const bool owner = known->kind == schema::GranteeKind::account && known->id == grant.account().value;
    return Possible{grant.mailbox().path, owner && !identifier->negative};
  };
  auto possible = co_await session.db(std::move(work), schema::Mode::reads);
  if (!possible) co_return failed(possible.error());
  wire::Encoder out = session.out.encoder();
  out.raw("* LISTRIGHTS ").mailbox_quoted(possible->path).sp().astring(command.identifier).sp();
  // What the owner always has; then each right by itself: none is tied to another one.
  const Rights always = possible->owner ? schema::kLookup | schema::kAdminister : Rights{0};
  out.astring(schema::rights_text(always));
  for (const char right : schema::rights_text(schema::kAllRights & ~always)) out.sp().raw(std::string(1, right));
  out.crlf();
  co_return ok("LISTRIGHTS completed");
}

boost::asio::awaitable<Done> execute_myrights(Session& session, MailboxCommand command) {
  const auto path = existing_path(session, command.mailbox);
  if (!path) co_return failed(path.error());
  auto work = [who = *session.principal, name = *path](schema::Transaction& tx) -> Result<MyRights> {
    CPM_TRY(grant, schema::authorize(tx, who, name, schema::kLookup));
    return MyRights{grant.mailbox().path, schema::rights_text(grant.rights())};
  };
  auto rights = co_await session.db(std::move(work), schema::Mode::reads);
  if (!rights) co_return failed(rights.error());
  session.out << *rights;
  co_return ok("MYRIGHTS completed");
}

// -- XSHARE mailbox SHOW|HIDE|REFUSE

struct ShareCommand {
  std::string mailbox;
  schema::ShareState state = schema::ShareState::shown;
};

ShareCommand parse_share(wire::Lexer& lexer, const ParseContext&) {
  ShareCommand command;
  lexer.sp();
  command.mailbox = grammar::parse_mailbox(lexer);
  lexer.sp();
  const std::string state = lexer.word();
  if (state == "HIDE") {
    command.state = schema::ShareState::hidden;
  } else if (state == "REFUSE") {
    command.state = schema::ShareState::refused;
  } else if (state != "SHOW") {
    lexer.bad("Expected SHOW, HIDE or REFUSE");
  }
  lexer.end();
  return command;
}

// "Other Users/<address>" alone means everything of that owner.
boost::asio::awaitable<Done> execute_share(Session& session, ShareCommand command) {
  const auto path = existing_path(session, command.mailbox);
  if (!path) co_return failed(path.error());
  auto work = [who = *session.principal, name = *path, state = command.state](schema::Transaction& tx) -> Result<void> {
    if ((schema::account_rights(who) & schema::kAdminister) == 0)
      return fail(Failure::denied, "No right to decide on shares");
    CPM_TRY(target, schema::share_named(tx, who, name));
    return schema::set_share_state(tx, who, target.account, target.id, state);
  };
  auto done = co_await session.db(std::move(work));
  if (!done) co_return failed(done.error());
  session.names_changed();
  co_return ok("XSHARE completed");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "acl";
  extension.rfcs = {"RFC 4314", "X-CPM-SHARES"};
  extension.capabilities = {{"ACL"}, {"RIGHTS=texk", {}, new_rights}, {"X-CPM-SHARES"}};
  extension.commands = {command("SETACL", kLoggedIn, kTellChanges, parse_setacl, execute_change),
                        command("DELETEACL", kLoggedIn, kTellChanges, parse_deleteacl, execute_change),
                        command("GETACL", kLoggedIn, kTellChanges, parse_mailbox, execute_getacl),
                        command("LISTRIGHTS", kLoggedIn, kTellChanges, parse_listrights, execute_listrights),
                        command("MYRIGHTS", kLoggedIn, kTellChanges, parse_mailbox, execute_myrights),
                        command("XACL", kLoggedIn, kTellChanges, parse_mailbox, execute_xacl),
                        command("XSHARE", kLoggedIn, kTellChanges, parse_share, execute_share)};
  extension.response_codes = {"CANNOT", "LIMIT", "NONEXISTENT", "NOPERM"};
  return extension;
}

}  // namespace cpm::imap::ext::acl
