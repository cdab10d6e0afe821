// Extension: what a file in imap/commands or imap/ext says of itself, as data. CMake makes the table of all
// `Extension describe()`; Registry::build joins them. Nothing else lists commands or capabilities.
// How to add one: docs/adding-an-extension.md.
// Runs on: start-up builds it; afterwards constant, any thread.
#pragma once

#include "base/collation.h"
#include "base/limits.h"
#include "base/result.h"
#include "imap/status.h"
#include "imap/wire/lexer.h"
#include "schema/mailboxes.h"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap {

class Session;
struct FetchItem;
using FetchItems = std::vector<std::shared_ptr<const FetchItem>>;
struct SearchNode;
struct SearchContext;

// RFC 9051 3. A bit each, so that a command can name several.
enum State : unsigned {
  kNotAuthenticated = 1,
  kAuthenticated = 2,
  kSelected = 4,
  kAnyState = 7,
  kLoggedIn = kAuthenticated | kSelected,
};

// What parsing may consult: limits and what the session has enabled; never the database.
struct ParseContext {
  const Limits& limits;
  const class Registry& registry;
  bool utf8 = false;         // UTF8=ACCEPT or IMAP4rev2 enabled: quoted UTF-8, UTF-8 mailbox names
  bool utf8_accept = false;  // UTF8=ACCEPT enabled
  bool rev2 = false;         // IMAP4rev2 enabled
  bool qresync = false;      // QRESYNC enabled
  Collation collation = Collation::unicode_casemap;  // COMPARATOR
  bool uid_only = false;                             // UIDONLY enabled
};

// What a command does to the session's view; the dispatcher acts on it.
enum CommandFlag : unsigned {
  kNoFlags = 0,
  // Sequence numbers in the command: nothing may be renumbered before it; refused after ENABLE UIDONLY (RFC 9586 3).
  kUsesMsn = 1,
  kLeavesMailbox = 2,  // of kSelected commands: looks at no message, a view that rests need not wake
  kTellChanges = 4,    // EXISTS and FETCH updates may be sent before the tagged line
  kTellExpunges = 8,   // EXPUNGE too (RFC 9051 7.5.1)
  kBeforeLogin = 16,   // counts towards Limits::commands_before_login
};

using Execute = std::function<boost::asio::awaitable<Done>(Session&)>;

struct CommandSpec {
  std::string_view name;  // upper case; "UID FETCH" for the UID form
  unsigned states = kAnyState;
  unsigned flags = kNoFlags;
  // Consumes all arguments to the end of the command; throws wire::BadSyntax. Returns the bound execution.
  std::function<Execute(wire::Lexer&, const ParseContext&)> parse;
  // Optional: asked at the first literal of the command, before it is read; `text` is the command so far without the
  // tag. A value refuses the literal (the tagged answer); nothing accepts it (RFC 9051 6.3.12, RFC 7888).
  std::function<boost::asio::awaitable<std::optional<Done>>(Session&, std::string text, std::uint64_t octets)>
      before_literal;
  // The response code for a literal above the bounds; null: TOOBIG.
  std::string (*literal_too_big)(const Limits&) = nullptr;
  // Literals of this command are messages: bounded by Limits::message_octets, spooled to disk.
  bool message_literals = false;
};

// Binds a typed parse and execute to a row: parse returns a plain struct, execute takes it.
template <class Command>
CommandSpec command(std::string_view name, unsigned states, unsigned flags,
                    Command (*parse)(wire::Lexer&, const ParseContext&),
                    boost::asio::awaitable<Done> (*execute)(Session&, Command)) {
  CommandSpec spec;
  spec.name = name;
  spec.states = states;
  spec.flags = flags;
  spec.parse = [parse, execute](wire::Lexer& lexer, const ParseContext& context) -> Execute {
    auto parsed = std::make_shared<Command>(parse(lexer, context));
    return [parsed, execute](Session& session) { return execute(session, std::move(*parsed)); };
  };
  return spec;
}

struct CapabilitySpec {
  std::string name;  // "IDLE", or made at start: "APPENDLIMIT=…"
  // Optional: whether to show it to this session now (TLS state, authentication state). Absent: always.
  std::function<bool(const Session&)> shown;
  // Optional: the text to show instead of name (for values that depend on configuration).
  std::function<std::string(const Session&)> text;
};

struct StatusItemSpec {
  std::string_view name;  // "MESSAGES"
  std::uint64_t (*value)(const schema::MailboxRow&);
  bool enables_condstore = false;                            // asking for it is a CONDSTORE enabling command
  std::uint64_t (*limit)(const Limits&) = nullptr;           // instead of value: an item that is configuration
  std::string (*text)(const schema::MailboxRow&) = nullptr;  // instead of value: not a number, as it is written
};

struct FetchItemSpec {
  std::string_view name;  // what follows: parsed by the item ("BODY" takes "[…]" too)
  FetchItems (*parse)(wire::Lexer&, const ParseContext&);
};

struct SearchKeySpec {
  std::string_view name;
  SearchNode (*parse)(wire::Lexer&, SearchContext&);
};

struct EnableSpec {
  std::string_view name;  // ENABLE argument, as ENABLED spells it
  void (*enable)(Session&);
};

// What a parameter of one SELECT or EXAMINE does.
struct SelectAction {
  std::function<void(Session&)> before;  // before the mailbox is described; may be empty
  // When it is selected and described: says more, before the tagged line. An Error, possible only before the first
  // word, makes the SELECT fail. May be empty.
  std::function<boost::asio::awaitable<Result<void>>(Session&)> after;
};

// Parameter of SELECT and EXAMINE, e.g. (CONDSTORE).
struct SelectParameterSpec {
  std::string_view name;
  SelectAction (*parse)(wire::Lexer&, const ParseContext&);  // its arguments; throws wire::BadSyntax
};

// Server annotations below "/private<root>/" and "/shared<root>/" that must be more than octets (RFC 5464 3.2.1).
struct MetadataRuleSpec {
  std::string_view root;  // "/filters/values", lower case
  // `name`: what follows the root. An Error refuses the value.
  Result<void> (*check)(std::string_view name, std::string_view value, const ParseContext&);
};

// Server annotations below `root` that are kept elsewhere: read when asked for, and changed by no SETMETADATA.
struct MetadataValuesSpec {
  std::string_view root;  // "/shared/vendor/cpmstore/policy", lower case
  // Values by entry name in lower case. Runs on: db thread.
  Result<std::map<std::string, std::string>> (*read)(schema::Transaction&, const schema::Principal&);
};

struct Extension {
  std::string name;               // file stem: configuration switches it off by this
  std::vector<std::string> rfcs;  // "RFC 2177"
  std::vector<CapabilitySpec> capabilities;
  std::vector<std::string> requires_names;  // other extensions, by name
  std::vector<CommandSpec> commands;
  std::vector<StatusItemSpec> status_items;
  std::vector<FetchItemSpec> fetch_items;
  std::vector<SearchKeySpec> search_keys;
  std::vector<EnableSpec> enables;
  std::vector<SelectParameterSpec> select_parameters;
  std::vector<MetadataRuleSpec> metadata_rules;
  std::vector<MetadataValuesSpec> metadata_values;
  std::vector<std::string> response_codes;  // for docs/rfc-coverage.md
};

}  // namespace cpm::imap
