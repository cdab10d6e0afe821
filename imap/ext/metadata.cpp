// METADATA (RFC 5464): annotations of mailboxes and of the server, GETMETADATA and SETMETADATA. Private ones are kept
// for each user. /private/specialuse is the mailbox's special use (RFC 6154 4); /shared/admin and, when the
// administrator gave one, /shared/comment of the server come from the configuration and cannot be changed.
#include "schema/metadata.h"
#include "imap/commands/mailbox_argument.h"
#include "imap/grammar/metadata_entry.h"
#include "imap/registry.h"
#include "imap/response/responses.h"
#include "imap/session/metadata_news.h"

#include <algorithm>
#include <map>

namespace cpm::imap::ext::metadata {

namespace {

using schema::MetadataDepth;
using schema::MetadataEntry;
using schema::MetadataItem;

constexpr std::size_t kOctetsInABatch = 256 * 1024;  // values held at a time
constexpr std::size_t kEntriesInABatch = 100;

// -- what both commands share

std::uint64_t longest_value(const Limits& limits) {
  return std::min<std::uint64_t>(limits.metadata_value_octets, limits.command_literal_octets);
}

std::string max_size(const Limits& limits) { return "METADATA MAXSIZE " + std::to_string(longest_value(limits)); }

// Canonical path; empty for the server.
Result<std::string> place(const Session& session, const std::string& wire_name) {
  if (wire_name.empty()) return std::string();
  return existing_path(session, wire_name);
}

// Runs on: db thread.
Result<schema::MetadataAccess> access(schema::Transaction& tx, const schema::Principal& who, const std::string& path) {
  if (path.empty()) return schema::metadata_of_server(who);
  CPM_TRY(grant, schema::authorize(tx, who, path, schema::kLookup));
  return schema::metadata_of(who, grant);
}

// Annotations of the server that only the administrator gives, by key.
std::map<std::string, std::string> configured(const Session& session) {
  std::map<std::string, std::string> values{{"/shared/admin", session.services.settings.server_admin}};
  const std::string& comment = session.services.settings.server_comment;
  if (!comment.empty()) values["/shared/comment"] = comment;
  return values;
}

// -- GETMETADATA

struct GetCommand {
  std::string mailbox;
  std::optional<std::uint32_t> max_size;
  std::optional<MetadataDepth> depth;
  std::vector<MetadataEntry> entries;
};

void parse_options(wire::Lexer& lexer, GetCommand& command) {
  lexer.list(false, [&] {
    const std::string option = lexer.word();
    lexer.sp();
    if (option == "MAXSIZE" && !command.max_size) {
      command.max_size = lexer.number();
    } else if (option == "DEPTH" && !command.depth) {
      const std::string depth = lexer.word();
      if (depth != "0" && depth != "1" && depth != "INFINITY") lexer.bad("DEPTH is 0, 1 or infinity");
      command.depth = depth == "0"   ? MetadataDepth::itself
                      : depth == "1" ? MetadataDepth::children
                                     : MetadataDepth::all;
    } else {
      lexer.bad("Unknown option, or one given twice: " + option);
    }
  });
}

// The grammar has the options before the mailbox, an example of the RFC (4.2.1) behind it; both are taken. So are
// entries without parentheses (4.4.1).
GetCommand parse_get(wire::Lexer& lexer, const ParseContext& context) {
  GetCommand command;
  lexer.sp();
  const auto at_options = [&] {
    const char next = lexer.peek_at(1);
    return lexer.peek() == '(' && next != '/' && next != '"' && next != '{' && next != '~';
  };
  bool options = at_options();
  if (options) {
    parse_options(lexer, command);
    lexer.sp();
  }
  command.mailbox = grammar::parse_mailbox(lexer);
  lexer.sp();
  if (!options && at_options()) {
    parse_options(lexer, command);
    lexer.sp();
  }
  const bool whole = command.depth.value_or(MetadataDepth::itself) == MetadataDepth::itself;
  const auto entry = [&] {
    if (command.entries.size() >= context.limits.metadata_entries) lexer.bad("Too many entries");
    command.entries.push_back(grammar::parse_entry(lexer, whole));
  };
  if (lexer.peek() == '(') {
    lexer.list(false, entry);
  } else {
    entry();
    while (lexer.peek() == ' ' && lexer.peek_at(1) != '\0') {
      lexer.sp();
      entry();
    }
  }
  lexer.end();
  return command;
}

struct Wanted {
  std::string name;  // as the client shall see it
  std::string key;
  std::uint64_t octets = 0;
  bool exists = false;
};

struct Plan {
  std::vector<Wanted> wanted;
  std::uint64_t longest = 0;  // of the values that MAXSIZE keeps out; 0: none
};

// `items` are sorted by key. An entry that was named and has no value is told as NIL, unless something below it is
// told.
Plan make_plan(const GetCommand& command, const std::vector<MetadataItem>& items) {
  Plan plan;
  std::set<std::string, std::less<>> taken;
  const MetadataDepth depth = command.depth.value_or(MetadataDepth::itself);
  const auto from = [&](const std::string& key) {
    return std::lower_bound(items.begin(), items.end(), key,
                            [](const MetadataItem& item, const std::string& k) { return item.entry.key() < k; });
  };
  for (const MetadataEntry& entry : command.entries) {
    bool found = false;
    const auto take = [&](const MetadataItem& item) {
      found = true;
      if (!taken.insert(item.entry.key()).second) return;
      if (command.max_size && item.octets > *command.max_size) {
        plan.longest = std::max(plan.longest, item.octets);
        return;
      }
      const bool named = item.entry.key() == entry.key();
      plan.wanted.push_back({named ? entry.spelling() : item.entry.spelling(), item.entry.key(), item.octets, true});
    };
    if (const auto own = from(entry.key()); own != items.end() && own->entry.key() == entry.key()) take(*own);
    if (depth != MetadataDepth::itself) {
      const std::string below = entry.key() + "/";
      for (auto at = from(below); at != items.end() && at->entry.key().starts_with(below); ++at) {
        if (schema::covers(entry.key(), depth, at->entry.key())) take(*at);
      }
    }
    if (!found && taken.insert(entry.key()).second) plan.wanted.push_back({entry.spelling(), entry.key(), 0, false});
  }
  return plan;
}

// The end of the batch that begins at `begin`.
std::size_t batch_end(const std::vector<Wanted>& wanted, std::size_t begin) {
  std::size_t octets = 0;
  std::size_t end = begin;
  while (end < wanted.size() && end - begin < kEntriesInABatch) {
    octets += wanted[end].octets;
    if (end > begin && octets > kOctetsInABatch) break;
    ++end;
  }
  return end;
}

void write_value(wire::Encoder& out, const std::string& value) {
  if (value.find('\0') == std::string::npos) {
    out.string(value);
  } else {
    out.literal_head(value.size(), true).raw(value);
  }
}

// A value that is gone since the plan was made is left out: its removal is news of its own.
void write_batch(Session& session, const std::string& path, std::span<const Wanted> batch,
                 const std::map<std::string, std::string>& values) {
  wire::Encoder out = session.out.encoder();
  bool first = true;
  for (const Wanted& one : batch) {
    const auto value = values.find(one.key);
    if (one.exists && value == values.end()) continue;
    if (first) out.raw("* METADATA ").mailbox_quoted(path).raw(" (");
    if (!first) out.sp();
    first = false;
    out.astring(one.name).sp();
    if (one.exists) {
      write_value(out, value->second);
    } else {
      out.raw("NIL");
    }
  }
  if (!first) out.raw(")").crlf();
}

// What the configuration gives stands before what the store has.
void overlay(std::vector<MetadataItem>& items, const std::map<std::string, std::string>& fixed) {
  for (const auto& [key, value] : fixed) {
    std::erase_if(items, [&key = key](const MetadataItem& item) { return item.entry.key() == key; });
    if (!value.empty()) items.push_back({MetadataEntry(key), value.size()});
  }
  std::sort(items.begin(), items.end(),
            [](const MetadataItem& a, const MetadataItem& b) { return a.entry.key() < b.entry.key(); });
}

using Values = std::map<std::string, std::string>;

// Whether something at `root` or below is asked for.
bool asks_for(const GetCommand& command, std::string_view root) {
  const MetadataDepth depth = command.depth.value_or(MetadataDepth::itself);
  return std::any_of(command.entries.begin(), command.entries.end(), [&](const MetadataEntry& entry) {
    return schema::covers(root, MetadataDepth::all, entry.key()) ||
           (depth != MetadataDepth::itself && schema::covers(entry.key(), MetadataDepth::all, root));
  });
}

// What other parts of the store show as annotations of the server, as far as the command asks for it.
boost::asio::awaitable<Result<Values>> shown_here(Session& session, const GetCommand& command) {
  Values values;
  for (const MetadataValuesSpec* spec : session.services.registry.metadata_values()) {
    if (!asks_for(command, spec->root)) continue;
    const schema::Principal who = *session.principal;
    auto work = [who, read = spec->read](schema::Transaction& tx) { return read(tx, who); };
    auto some = co_await session.db(std::move(work), schema::Mode::reads);
    if (!some) co_return some.error();
    values.merge(*some);
  }
  co_return values;
}

boost::asio::awaitable<Done> execute_get(Session& session, GetCommand command) {
  const auto path = place(session, command.mailbox);
  if (!path) co_return failed(path.error());
  const schema::Principal who = *session.principal;
  std::vector<std::string> keys;  // none: all
  if (command.depth.value_or(MetadataDepth::itself) == MetadataDepth::itself) {
    for (const MetadataEntry& entry : command.entries) keys.push_back(entry.key());
  }
  auto look = [who, name = *path, keys](schema::Transaction& tx) -> Result<std::vector<MetadataItem>> {
    CPM_TRY(allowed, access(tx, who, name));
    return schema::list_metadata(tx, allowed, keys);
  };
  auto items = co_await session.db(std::move(look), schema::Mode::reads);
  if (!items) co_return failed(items.error());
  Values fixed;
  if (path->empty()) {
    fixed = configured(session);
    auto shown = co_await shown_here(session, command);
    if (!shown) co_return failed(shown.error());
    fixed.merge(*shown);
  }
  overlay(*items, fixed);
  const Plan plan = make_plan(command, *items);
  for (std::size_t begin = 0; begin < plan.wanted.size();) {
    const std::size_t end = batch_end(plan.wanted, begin);
    const std::span<const Wanted> batch(plan.wanted.data() + begin, end - begin);
    begin = end;
    std::map<std::string, std::string> values = fixed;
    std::vector<std::string> stored;
    for (const Wanted& one : batch) {
      if (one.exists && !fixed.contains(one.key)) stored.push_back(one.key);
    }
    if (!stored.empty()) {
      auto read = [who, name = *path, stored](schema::Transaction& tx) -> Result<std::vector<schema::MetadataValue>> {
        CPM_TRY(allowed, access(tx, who, name));
        return schema::read_metadata(tx, allowed, stored);
      };
      auto page = co_await session.db(std::move(read), schema::Mode::reads);
      if (!page) co_return failed(page.error());
      for (schema::MetadataValue& one : *page) values[one.key] = std::move(one.value);
    }
    write_batch(session, *path, batch, values);
    auto sent = co_await session.out.relieve();
    if (!sent) co_return failed(sent.error());
    if (session.terminated) co_return failed(being_ended());
  }
  co_return ok("GETMETADATA completed",
               plan.longest > 0 ? "METADATA LONGENTRIES " + std::to_string(plan.longest) : std::string());
}

// -- SETMETADATA

struct SetCommand {
  std::string mailbox;
  std::vector<schema::MetadataChange> changes;
};

// value: nstring or literal8.
std::optional<std::string> parse_value(wire::Lexer& lexer) {
  if (lexer.at_literal()) return lexer.literal().data.text();
  return lexer.nstring();
}

SetCommand parse_set(wire::Lexer& lexer, const ParseContext& context) {
  SetCommand command;
  lexer.sp();
  command.mailbox = grammar::parse_mailbox(lexer);
  lexer.sp();
  lexer.list(false, [&] {
    if (command.changes.size() >= context.limits.metadata_entries) lexer.bad("Too many entries");
    MetadataEntry entry = grammar::parse_entry(lexer, true);
    lexer.sp();
    command.changes.push_back({std::move(entry), parse_value(lexer)});
  });
  lexer.end();
  return command;
}

// A value that could not be stored is refused before it is sent.
boost::asio::awaitable<std::optional<Done>> before_literal(Session& session, std::string, std::uint64_t octets) {
  if (octets <= longest_value(session.limits())) co_return std::nullopt;
  co_return no("Annotation too large", max_size(session.limits()));
}

// What more than octets is wanted of server annotations.
Result<void> check_rules(const Session& session, const schema::MetadataChange& change) {
  for (const MetadataRuleSpec* rule : session.services.registry.metadata_rules()) {
    const std::string root = (change.entry.is_private() ? "/private" : "/shared") + std::string(rule->root) + "/";
    if (!change.entry.key().starts_with(root)) continue;
    const std::string_view name = std::string_view(change.entry.spelling()).substr(root.size());
    CPM_CHECK(rule->check(name, *change.value, session.parse_context()));
  }
  return {};
}

bool read_only(const Session& session, const MetadataEntry& entry) {
  if (configured(session).contains(entry.key())) return true;
  const auto specs = session.services.registry.metadata_values();
  return std::any_of(specs.begin(), specs.end(), [&](const MetadataValuesSpec* spec) {
    return schema::covers(spec->root, MetadataDepth::all, entry.key());
  });
}

boost::asio::awaitable<Done> execute_set(Session& session, SetCommand command) {
  const auto path = place(session, command.mailbox);
  if (!path) co_return failed(path.error());
  for (const schema::MetadataChange& change : command.changes) {
    if (path->empty() && read_only(session, change.entry)) co_return no("This annotation is read-only", "NOPERM");
    if (!change.value) continue;
    if (change.value->size() > longest_value(session.limits())) {
      co_return no("Annotation too large", max_size(session.limits()));
    }
    if (!path->empty()) continue;
    const auto fits = check_rules(session, change);
    if (!fits) co_return failed(fits.error());
  }
  const schema::Principal who = *session.principal;
  const Limits& limits = session.limits();
  auto work = [who, name = *path, changes = std::move(command.changes),
               &limits](schema::Transaction& tx) -> Result<std::pair<std::int64_t, AccountId>> {
    CPM_TRY(allowed, access(tx, who, name));
    CPM_TRY(change, schema::set_metadata(tx, allowed, changes, limits));
    return std::pair(change, allowed.account());
  };
  auto change = co_await session.db(std::move(work));
  if (!change) co_return failed(change.error());
  const auto [number, account] = *change;
  if (session.metadata_news && account == who.account) session.metadata_news->own.insert(number);
  session.services.hub.changed(account, kAnyMetadata);
  co_return ok("SETMETADATA completed");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "metadata";
  extension.rfcs = {"RFC 5464", "RFC 6154"};
  extension.requires_names = {"enable"};
  extension.capabilities = {{"METADATA"}};
  CommandSpec set = command("SETMETADATA", kLoggedIn, kNoFlags, parse_set, execute_set);
  set.before_literal = before_literal;
  set.literal_too_big = max_size;
  extension.commands = {command("GETMETADATA", kLoggedIn, kNoFlags, parse_get, execute_get), std::move(set)};
  extension.enables = {{"METADATA", [](Session& session) { session.enable_metadata(); }}};
  extension.response_codes = {
      "METADATA LONGENTRIES", "METADATA MAXSIZE", "METADATA TOOMANY", "NOPERM", "OVERQUOTA", "USEATTR"};
  return extension;
}

}  // namespace cpm::imap::ext::metadata
