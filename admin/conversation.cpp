// cpmctl conversation: what users said, across all their mailboxes.
#include "admin/cli.h"
#include "admin/conversation_verbs.h"
#include "imap/cpm/layout.h"
#include "schema/fetch.h"

#include <algorithm>
#include <charconv>
#include <iostream>

namespace cpm::admin {

namespace {

using schema::Conversation;
using schema::Transaction;

constexpr std::size_t kPage = 200;
constexpr std::uint64_t kRange = 1U << 20;
constexpr std::size_t kShown = 50;  // characters of a table's column

struct Options {
  std::string address, with, after;
  std::size_t limit = 50;
  bool unread = false;
};

// "1588573800-T0123…", as XCONVERSATIONS has it.
std::string cursor_text(const Conversation& row) {
  return std::to_string(row.last_at.time_since_epoch().count()) + '-' + thread_text(row.id);
}

std::optional<schema::ConversationCursor> cursor_from(std::string_view text) {
  std::int64_t seconds = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, seconds);
  constexpr std::int64_t kYear9999 = 253'402'300'799;
  if (error != std::errc() || at == end || *at != '-' || seconds > kYear9999 || seconds < -kYear9999)
    return std::nullopt;
  const auto thread = thread_from(text.substr(static_cast<std::size_t>(at - text.data()) + 1));
  if (!thread) return std::nullopt;
  return schema::ConversationCursor{std::chrono::sys_seconds(std::chrono::seconds(seconds)), *thread};
}

std::string shortened(const std::string& text) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80 && ++characters > kShown) return text.substr(0, i) + "…";
  }
  return text;
}

std::string title(const Conversation& row) {
  if (!row.subject.empty()) return row.name.empty() ? row.subject : row.name + " (" + row.subject + ")";
  if (!row.name.empty()) return row.name;
  return row.participants.empty() ? "-" : row.participants.front();
}

// In portions, so that a great --limit is no great answer of the database.
template <class Take>
Result<void> each(Context& context, const schema::Principal& who, schema::ConversationQuery query, std::size_t limit,
                  Take take) {
  while (limit > 0) {
    query.limit = std::min(limit, kPage);
    CPM_TRY(rows, context.run([&](Transaction& tx) { return schema::list_conversations(tx, who, query); }));
    for (const Conversation& row : rows) take(row);
    if (rows.size() < query.limit) return {};
    limit -= rows.size();
    query.after = schema::ConversationCursor{rows.back().last_at, rows.back().id};
  }
  return {};
}

Result<void> list(Context& context, const Options& options) {
  auto who = context.principal(options.address);
  if (!who) return hint_missing_user(who.error());
  schema::ConversationQuery query;
  query.unread = options.unread;
  if (!options.with.empty()) {
    query.participant = imap::cpm_objects::canonical_address(options.with);
    if (!query.participant) return fail(Failure::invalid, "\"" + options.with + "\" is no address");
  }
  if (!options.after.empty()) {
    query.after = cursor_from(options.after);
    if (!query.after) return fail(Failure::invalid, "--after takes the cursor that the page before has said");
  }
  // One more says whether there is another page.
  std::size_t seen = 0;
  std::string cursor;
  Json all = Json::array();
  Table table({"CONVERSATION", "LAST", ">MESSAGES", ">UNREAD", "THREADID", "TEXT"});
  CPM_CHECK(each(context, *who, query, options.limit + 1, [&](const Conversation& row) {
    if (++seen > options.limit) return;
    cursor = cursor_text(row);
    if (context.json) {
      all.push_back(to_json(row));
      return;
    }
    table.add({shortened(printable(title(row))), time_text(row.last_at), std::to_string(row.messages),
               row.unread == 0 ? "" : std::to_string(row.unread), thread_text(row.id),
               row.last ? shortened(printable(row.last->facts.preview)) : ""});
  }));
  const bool more = seen > options.limit;
  if (context.json) {
    print_json(context.io.out, {{"conversations", all}, {"next", more ? Json(cursor) : Json(nullptr)}});
    return {};
  }
  table.print(context.io.out);
  if (more) context.io.out << "More: --after " << cursor << '\n';
  return {};
}

}  // namespace

std::string thread_text(std::int64_t id) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out(17, '0');
  out[0] = 'T';
  auto number = static_cast<std::uint64_t>(id);
  for (std::size_t i = out.size(); --i > 0; number >>= 4) out[i] = kHex[number & 15];
  return out;
}

std::optional<std::int64_t> thread_from(std::string_view text) {
  if (text.size() != 17 || text[0] != 'T') return std::nullopt;
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  if (std::from_chars(text.data() + 1, end, number, 16).ptr != end || number > INT64_MAX) return std::nullopt;
  const auto id = static_cast<std::int64_t>(number);
  return thread_text(id) == text ? std::optional(id) : std::nullopt;
}

Result<OpenConversation> open_conversation(Context& context, const std::string& address, const std::string& name) {
  auto who = context.principal(address);
  if (!who) return hint_missing_user(who.error());
  auto row = context.run([&](Transaction& tx) -> Result<Conversation> {
    // Names first: a Conversation-ID may look like anything.
    for (const std::string& one : {imap::cpm_objects::canonical_address(name).value_or(name), name}) {
      auto found = schema::find_conversation(tx, *who, std::string_view(one));
      if (found || found.error().failure != Failure::not_found) return found;
    }
    if (const auto id = thread_from(name)) return schema::find_conversation(tx, *who, *id);
    return fail(Failure::not_found, "no such conversation");
  });
  if (!row) {
    if (row.error().failure != Failure::not_found) return row.error();
    return fail(Failure::not_found, who->address + " has no conversation \"" + name +
                                        "\"\nSee which there are: cpmctl conversation list " + who->address);
  }
  return OpenConversation{std::move(*who), std::move(*row)};
}

std::string_view kind_name(schema::ObjectKind kind) noexcept {
  using Kind = schema::ObjectKind;
  switch (kind) {
    case Kind::message: return "message";
    case Kind::chat_message: return "chat";
    case Kind::notification: return "notification";
    case Kind::session_info: return "session";
    case Kind::group_state: return "groupstate";
    case Kind::file_transfer: return "file";
    case Kind::media: return "media";
    case Kind::sms: return "sms";
    case Kind::mms: return "mms";
    case Kind::signal: return "signal";
    case Kind::mail: break;
  }
  return "mail";
}

std::string_view disposition_name(schema::Disposition disposition) noexcept {
  using schema::Disposition;
  switch (disposition) {
    case Disposition::delivered: return "delivered";
    case Disposition::processed: return "processed";
    case Disposition::stored: return "stored";
    case Disposition::displayed: return "displayed";
    case Disposition::failed: return "failed";
    case Disposition::forbidden: return "forbidden";
    case Disposition::error: return "error";
    case Disposition::none: break;
  }
  return "none";
}

Json to_json(const Conversation& row) {
  Json out = {{"threadid", thread_text(row.id)},
              {"name", row.name},
              {"group", row.group},
              {"subject", row.subject},
              {"participants", row.participants},
              {"objects", row.objects},
              {"messages", row.messages},
              {"unread", row.unread},
              {"last_at", time_text(row.last_at)}};
  if (row.last) {
    const schema::ConversationMessage& last = *row.last;
    out["last"] = {{"mailbox", last.mailbox},   {"uidvalidity", last.uidvalidity.value},
                   {"uid", last.uid.value},     {"kind", kind_name(last.facts.kind)},
                   {"from", last.facts.sender}, {"preview", last.facts.preview}};
  } else {
    out["last"] = nullptr;
  }
  return out;
}

Result<std::vector<TranscriptEntry>> ConversationReader::next() {
  const schema::Principal& who = conversation_.who;
  auto page = context_.run([&](Transaction& tx) -> Result<std::vector<TranscriptEntry>> {
    CPM_TRY(messages, schema::conversation_messages(tx, who, conversation_.row.id, after_, kPage));
    std::vector<std::string> sent;
    for (const auto& message : messages) {
      if (talk_of(message.facts) == schema::Talk::sent && !message.facts.imdn_message_id.empty())
        sent.push_back(message.facts.imdn_message_id);
    }
    std::vector<schema::DispositionReport> reports;
    if (!sent.empty()) {
      CPM_TRY(found, schema::dispositions_of(tx, who, sent));
      reports = std::move(found);
    }
    std::vector<TranscriptEntry> out;
    for (auto& message : messages) {
      TranscriptEntry& entry = out.emplace_back();
      entry.unread = talk_of(message.facts) == schema::Talk::received && (message.flags & schema::kSeen) == 0;
      const bool own = talk_of(message.facts) == schema::Talk::sent && !message.facts.imdn_message_id.empty();
      for (const auto& report : reports) {
        if (own && report.imdn_message_id == message.facts.imdn_message_id) entry.reports.push_back(report);
      }
      entry.message = std::move(message);
    }
    return out;
  });
  if (page && !page->empty()) after_ = schema::ConversationPlace{page->back().message.at, page->back().message.content};
  return page;
}

Result<Spool> read_object(Context& context, const schema::Principal& who, const schema::ConversationMessage& message,
                          const Limits& limits) {
  Spool spool(limits);
  for (;;) {
    auto octets = context.run(
        [&](Transaction& tx) { return schema::read_octets(tx, who.account, message.content, spool.size(), kRange); });
    if (!octets) return octets.error();
    CPM_CHECK(spool.append(*octets));
    if (octets->size() < kRange) return spool;
  }
}

void add_conversation(CLI::App& root, Context& context) {
  CLI::App& noun =
      add_noun(root, "conversation", "conversations of a user: list, show, export; facts anew; events",
               {"conversation list alice@example.net --unread", "conversation show alice@example.net tel:+15550100",
                "conversation export alice@example.net tel:+15550100 --format html --to bob.html",
                "conversation reindex --all"});
  auto options = std::make_shared<Options>();
  CLI::App& lister = add_verb(noun, "list", "the conversations, the newest activity first",
                              {"conversation list alice@example.net", "conversation list alice@example.net --unread",
                               "conversation list alice@example.net --with +15550100 --limit 10 --json"});
  lister.add_option("address", options->address, "any address of the user")->required()->type_name("ADDRESS");
  lister.add_flag("--unread", options->unread, "only those with unread messages");
  lister.add_option("--with", options->with, "only those that this address takes part in")->type_name("PARTY");
  lister.add_option("--limit", options->limit, "at most so many; default 50")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}).description("N"))
      ->type_name("N");
  lister.add_option("--after", options->after, "go on behind the cursor that a page before has ended with")
      ->type_name("CURSOR");
  on_run<Options>(lister, context, options, list);
  add_conversation_show(noun, context);
  add_conversation_export(noun, context);
  add_conversation_reindex(noun, context);
  add_conversation_event(noun, context);
}

}  // namespace cpm::admin
