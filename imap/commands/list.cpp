// LIST with all selection and return options (RFC 9051 6.3.9, RFC 5258, RFC 5819, RFC 6154, RFC 9590) and LSUB (RFC
// 3501 6.3.9). One statement reads all mailboxes of the account, one the subscriptions, one annotations; matching is
// here.
#include "imap/commands/mailbox_argument.h"
#include "imap/commands/status_items.h"
#include "imap/grammar/metadata_entry.h"
#include "imap/registry.h"
#include "imap/response/responses.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

namespace cpm::imap::commands::list {

namespace {

struct ListCommand {
  bool lsub = false;
  bool select_subscribed = false;
  bool select_special_use = false;
  bool recursive_match = false;
  bool return_subscribed = false;
  std::string reference;
  std::vector<std::string> patterns;
  bool return_status = false;
  StatusItems status;
  std::vector<schema::MetadataEntry> metadata;  // RETURN (METADATA …): at least one, or not asked for
};

void parse_selection(wire::Lexer& lexer, ListCommand& command) {
  bool base = false;
  lexer.list(true, [&] {
    const std::string name = lexer.word();
    if (name == "SUBSCRIBED") {
      command.select_subscribed = base = true;
    } else if (name == "SPECIAL-USE") {
      command.select_special_use = base = true;
    } else if (name == "REMOTE") {
      // No mailbox is remote: nothing more to show.
    } else if (name == "RECURSIVEMATCH") {
      command.recursive_match = true;
    } else {
      lexer.bad("Unknown selection option " + name);
    }
  });
  if (command.recursive_match && !base) lexer.bad("RECURSIVEMATCH needs another selection option");
}

// entries of GETMETADATA (RFC 9590 5).
void parse_metadata(wire::Lexer& lexer, const ParseContext& context, ListCommand& command) {
  const auto entry = [&] {
    if (command.metadata.size() >= context.limits.metadata_entries) lexer.bad("Too many entries");
    schema::MetadataEntry one = grammar::parse_entry(lexer, true);
    const bool known = std::any_of(command.metadata.begin(), command.metadata.end(),
                                   [&](const schema::MetadataEntry& other) { return other.key() == one.key(); });
    if (!known) command.metadata.push_back(std::move(one));
  };
  lexer.sp();
  if (lexer.peek() == '(') {
    lexer.list(false, entry);
  } else {
    entry();
  }
}

void parse_return(wire::Lexer& lexer, const ParseContext& context, ListCommand& command) {
  lexer.expect_word("RETURN");
  lexer.sp();
  lexer.list(true, [&] {
    const std::string name = lexer.word();
    if (name == "SUBSCRIBED") {
      command.return_subscribed = true;
    } else if (name == "STATUS") {
      lexer.sp();
      command.return_status = true;
      command.status = parse_status_items(lexer, context);
    } else if (name == "METADATA" && context.registry.has("list_metadata")) {
      parse_metadata(lexer, context, command);
    } else if (name != "CHILDREN" && name != "SPECIAL-USE") {  // those two are always returned
      lexer.bad("Unknown return option " + name);
    }
  });
}

ListCommand parse_list(wire::Lexer& lexer, const ParseContext& context) {
  ListCommand command;
  lexer.sp();
  if (lexer.peek() == '(') {
    parse_selection(lexer, command);
    lexer.sp();
  }
  command.reference = grammar::parse_mailbox(lexer);
  lexer.sp();
  if (lexer.peek() == '(') {
    lexer.list(false, [&] {
      if (command.patterns.size() >= context.limits.fetch_items) lexer.bad("Too many patterns");
      command.patterns.push_back(lexer.list_mailbox());
    });
  } else {
    command.patterns.push_back(lexer.list_mailbox());
  }
  if (lexer.peek() == ' ' && lexer.peek_at(1) != '\0') {
    lexer.sp();
    parse_return(lexer, context, command);
  }
  lexer.end();
  return command;
}

ListCommand parse_lsub(wire::Lexer& lexer, const ParseContext&) {
  ListCommand command;
  command.lsub = true;
  lexer.sp();
  command.reference = grammar::parse_mailbox(lexer);
  lexer.sp();
  command.patterns.push_back(lexer.list_mailbox());
  lexer.end();
  return command;
}

struct Names {
  std::vector<schema::MailboxRow> mailboxes;  // sorted: INBOX first
  std::set<std::string> subscribed;
  schema::MetadataOfMailboxes metadata;
};

class Lister {
 public:
  Lister(Session& session, const ListCommand& command, const Names& names)
      : session_(session), command_(command), names_(names) {
    for (const std::string& pattern : command.patterns) {
      patterns_.emplace_back(command.reference, pattern, session.utf8());
    }
    for (const schema::MailboxRow& row : names.mailboxes) {
      existing_.emplace(row.path, &row);
      for (std::size_t at = row.path.rfind('/'); at != std::string::npos && at > 0; at = row.path.rfind('/', at - 1)) {
        if (!parents_.insert(row.path.substr(0, at)).second) break;
      }
    }
  }

  void run() {
    for (const schema::MailboxRow& row : names_.mailboxes) one(row.path, &row);
    if (!command_.select_subscribed) return;
    std::set<std::string> missing;  // subscribed names without a mailbox, and what stands above them
    for (const std::string& path : names_.subscribed) {
      if (!existing_.contains(path)) missing.insert(path);
      for (std::size_t at = path.find('/'); command_.recursive_match && at != std::string::npos;
           at = path.find('/', at + 1)) {
        const std::string parent = path.substr(0, at);
        if (!existing_.contains(parent)) missing.insert(parent);
      }
    }
    for (const std::string& path : missing) one(path, nullptr);
  }
  void run_lsub() {
    std::set<std::string> shown;
    for (const std::string& path : names_.subscribed) {
      if (matches(path)) {
        ListData data = attributes(path, find(path));
        data.command = "LSUB";
        if (find(path) == nullptr) data.attributes = {"\\Noselect"};
        session_.out << data;
        shown.insert(path);
      }
    }
    // "%" shows the parents of subscribed names that are not subscribed themselves (RFC 3501 6.3.9).
    for (const std::string& path : names_.subscribed) {
      for (std::size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
        const std::string parent = path.substr(0, at);
        if (names_.subscribed.contains(parent) || !matches(parent) || matches(path) || !shown.insert(parent).second) {
          continue;
        }
        ListData data;
        data.command = "LSUB";
        data.attributes = {"\\Noselect"};
        data.path = parent;
        session_.out << data;
      }
    }
  }

 private:
  [[nodiscard]] bool matches(const std::string& path) const {
    return std::any_of(patterns_.begin(), patterns_.end(),
                       [&](const grammar::ListPattern& pattern) { return pattern.matches(path); });
  }
  [[nodiscard]] const schema::MailboxRow* find(const std::string& path) const {
    const auto at = existing_.find(path);
    return at == existing_.end() ? nullptr : at->second;
  }
  [[nodiscard]] bool selected(const std::string& path, const schema::MailboxRow* row) const {
    if (command_.select_subscribed && !names_.subscribed.contains(path)) return false;
    if (command_.select_special_use && (row == nullptr || row->use == schema::SpecialUse::none)) return false;
    return true;
  }
  // Some inferior that the pattern itself does not show is subscribed (RFC 5258 4).
  [[nodiscard]] bool subscribed_below(const std::string& path) const {
    const std::string prefix = path + '/';
    for (auto at = names_.subscribed.lower_bound(prefix); at != names_.subscribed.end() && at->starts_with(prefix);
         ++at) {
      if (!matches(*at)) return true;
    }
    return false;
  }
  [[nodiscard]] ListData attributes(const std::string& path, const schema::MailboxRow* row) const {
    ListData data;
    data.path = path;
    if (row == nullptr) data.attributes.emplace_back("\\NonExistent");
    if ((command_.select_subscribed || command_.return_subscribed) && names_.subscribed.contains(path)) {
      data.attributes.emplace_back("\\Subscribed");
    }
    data.attributes.emplace_back(parents_.contains(path) ? "\\HasChildren" : "\\HasNoChildren");
    if (row != nullptr && row->use != schema::SpecialUse::none) {
      data.attributes.emplace_back(schema::special_use_name(row->use));
    }
    return data;
  }
  void one(const std::string& path, const schema::MailboxRow* row) {
    if (!matches(path)) return;
    const bool chosen = selected(path, row);
    const bool below = command_.recursive_match && command_.select_subscribed && subscribed_below(path);
    if (!chosen && !below) return;
    ListData data = attributes(path, row);
    data.child_info_subscribed = below;
    session_.out << data;
    if (command_.return_status && row != nullptr && chosen) session_.out << status_of(session_, command_.status, *row);
    if (!command_.metadata.empty() && row != nullptr && chosen) tell_metadata(*row);
  }
  // An entry without a value is NIL; nothing of a mailbox whose annotations may not be read.
  void tell_metadata(const schema::MailboxRow& row) {
    const auto of_mailbox = names_.metadata.find(row.id);
    if (of_mailbox == names_.metadata.end()) return;
    MetadataValues data;
    data.mailbox = row.path;
    for (const schema::MetadataEntry& entry : command_.metadata) {
      const auto value = of_mailbox->second.find(entry.key());
      data.values.emplace_back(entry.spelling(), value == of_mailbox->second.end() ? std::optional<std::string>()
                                                                                   : std::optional(value->second));
    }
    session_.out << data;
  }

  Session& session_;
  const ListCommand& command_;
  const Names& names_;
  std::vector<grammar::ListPattern> patterns_;
  std::unordered_map<std::string, const schema::MailboxRow*> existing_;
  std::set<std::string> parents_;  // paths that have inferiors
};

boost::asio::awaitable<Done> execute(Session& session, ListCommand command) {
  const char* done = command.lsub ? "LSUB completed" : "LIST completed";
  if (command.patterns.size() == 1 && command.patterns.front().empty()) {
    // The client asks for the delimiter and the root of the reference (RFC 9051 6.3.9).
    ListData data;
    data.command = command.lsub ? "LSUB" : "LIST";
    data.attributes = {"\\Noselect"};
    session.out << data;
    co_return ok(done);
  }
  const schema::Principal who = *session.principal;
  const bool subscriptions = command.lsub || command.select_subscribed || command.return_subscribed;
  std::vector<std::string> keys;
  for (const schema::MetadataEntry& entry : command.metadata) keys.push_back(entry.key());
  auto work = [who, subscriptions, keys](schema::Transaction& tx) -> Result<Names> {
    Names names;
    auto mailboxes = schema::list_mailboxes(tx, who);
    if (!mailboxes) return mailboxes.error();
    names.mailboxes = std::move(*mailboxes);
    if (subscriptions) {
      auto subscribed = schema::subscriptions(tx, who);
      if (!subscribed) return subscribed.error();
      names.subscribed.insert(subscribed->begin(), subscribed->end());
    }
    if (!keys.empty()) {
      CPM_TRY(metadata, schema::metadata_of_mailboxes(tx, who, names.mailboxes, keys));
      names.metadata = std::move(metadata);
    }
    return names;
  };
  auto names = co_await session.db(std::move(work), schema::Mode::reads);
  if (!names) co_return failed(names.error());
  Lister lister(session, command, *names);
  if (command.lsub) {
    lister.run_lsub();
  } else {
    lister.run();
  }
  co_return ok(done);
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "list";
  extension.rfcs = {"RFC 3501", "RFC 9051", "RFC 5258", "RFC 5819", "RFC 6154", "RFC 3348"};
  extension.capabilities = {{"LIST-EXTENDED"}, {"LIST-STATUS"}, {"CHILDREN"}, {"SPECIAL-USE"}};
  extension.commands = {command("LIST", kLoggedIn, kNoFlags, parse_list, execute),
                        command("LSUB", kLoggedIn, kNoFlags, parse_lsub, execute)};
  return extension;
}

}  // namespace cpm::imap::commands::list
