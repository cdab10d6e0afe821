// ANNOTATE-EXPERIMENT-1 (RFC 5257): annotations of messages. Here are ANNOTATION of FETCH and SEARCH and the parameter
// of SELECT; STORE and APPEND parse theirs (grammar/annotation_entry.h), SORT has a key (grammar/sort_program.h), what
// others changed is told with the flags (session/annotation_news.h). Statements, rights and bounds:
// schema/annotations.h.
#include "imap/commands/fetch_item.h"
#include "imap/grammar/annotation_entry.h"
#include "imap/grammar/search_program.h"
#include "imap/mime/casemap.h"
#include "imap/mime/charset.h"
#include "imap/registry.h"

#include <algorithm>
#include <memory>

namespace cpm::imap::ext::annotate {

namespace {

using grammar::AnnotationAttribute;
using grammar::EntryMatch;
using schema::AnnotationValue;

constexpr std::uint64_t kReadWithRows = 4096;  // longer values are read when they are written

// -- FETCH

class AnnotationItem final : public FetchItem {
 public:
  AnnotationItem(std::vector<EntryMatch> entries, std::vector<AnnotationAttribute> attributes)
      : entries_(std::move(entries)), attributes_(std::move(attributes)) {
    wanted_.of_user = wanted_.shared = false;
    for (const AnnotationAttribute& one : attributes_) (one.shared ? wanted_.shared : wanted_.of_user) = true;
    const bool values =
        std::any_of(attributes_.begin(), attributes_.end(), [](const AnnotationAttribute& one) { return !one.size; });
    wanted_.inline_octets = values ? kReadWithRows : 0;
    named_ = std::all_of(entries_.begin(), entries_.end(), [](const EntryMatch& one) { return one.exact(); });
    for (const EntryMatch& one : entries_) {
      if (one.exact()) exact_.push_back(one.text());
    }
    if (named_) wanted_.entries = exact_;
  }

  [[nodiscard]] std::string key() const override {
    std::string spelled = "ANNOTATION";
    for (const EntryMatch& one : entries_) spelled += ' ' + one.text();
    for (const AnnotationAttribute& one : attributes_) spelled += ' ' + one.name();
    return spelled;
  }
  [[nodiscard]] bool needs_row() const override { return true; }
  [[nodiscard]] bool has_literal() const override { return true; }
  [[nodiscard]] const schema::AnnotationsWanted* annotations() const override { return &wanted_; }
  // An entry that was named is told, be it with NIL.
  [[nodiscard]] bool present(const FetchMessage& message) const override {
    return !exact_.empty() || !entries_of(message).empty();
  }

  // A part that does not exist is a mistake (RFC 5257 3.2.1).
  boost::asio::awaitable<Result<void>> prepare(Session& session, const UidSet& uids) const override {
    const schema::PartCheck check = grammar::part_check(exact_);
    if (!check || uids.empty()) co_return Result<void>{};
    auto work = [who = *session.principal, mailbox = session.selected->view.snapshot().mailbox.id, uids,
                 check](schema::Transaction& tx) -> Result<bool> {
      auto grant = schema::authorize(tx, who, mailbox, schema::kRead);
      if (!grant) return grant.error();
      CPM_CHECK(schema::check_parts(tx, *grant, uids, check));
      return true;
    };
    auto checked = co_await session.db(std::move(work), schema::Mode::reads);
    if (!checked) co_return checked.error();
    co_return Result<void>{};
  }

  boost::asio::awaitable<Result<void>> stream(FetchMessage& message) const override {
    Session& session = message.session;
    session.out.encoder().raw("ANNOTATION ");
    char before = '(';
    const std::vector<std::string> entries = entries_of(message);
    for (const std::string& entry : entries) {
      session.out.encoder().raw(std::string_view(&before, 1)).astring(entry).raw(" (");
      before = ' ';
      bool first = true;
      for (const AnnotationAttribute& attribute : attributes_) {
        if (!first) session.out.encoder().sp();
        first = false;
        session.out.encoder().raw(attribute.name()).sp();
        const AnnotationValue* value = find(message, entry, attribute.shared);
        if (attribute.size) {
          session.out.encoder().quoted(std::to_string(value == nullptr ? 0 : value->octets));
          continue;
        }
        if (value == nullptr || value->value) {
          write_value(session, value == nullptr ? std::optional<std::string>() : value->value);
          continue;
        }
        auto text = co_await read(session, message.flags.uid, *value);
        if (!text) co_return text.error();
        write_value(session, *text);
        auto sent = co_await session.out.relieve();
        if (!sent) co_return sent.error();
      }
      session.out.encoder().raw(")");
    }
    session.out.encoder().raw(")");
    co_return Result<void>{};
  }

 private:
  [[nodiscard]] bool asks_for(const AnnotationValue& value) const {
    const bool attribute = std::any_of(attributes_.begin(), attributes_.end(),
                                       [&](const AnnotationAttribute& one) { return one.shared == value.shared; });
    return attribute && std::any_of(entries_.begin(), entries_.end(),
                                    [&](const EntryMatch& one) { return one.matches(value.entry); });
  }
  // What is told of a message: what was named, in that order, then what else matches.
  [[nodiscard]] std::vector<std::string> entries_of(const FetchMessage& message) const {
    std::vector<std::string> out;
    const auto add = [&out](const std::string& entry) {
      if (std::find(out.begin(), out.end(), entry) == out.end()) out.push_back(entry);
    };
    for (const std::string& entry : exact_) add(entry);
    if (named_) return out;
    for (const AnnotationValue& value : message.row->annotations) {
      if (asks_for(value)) add(value.entry);
    }
    return out;
  }
  [[nodiscard]] static const AnnotationValue* find(const FetchMessage& message, const std::string& entry, bool shared) {
    for (const AnnotationValue& value : message.row->annotations) {
      if (value.shared == shared && value.entry == entry) return &value;
    }
    return nullptr;
  }
  static void write_value(Session& session, const std::optional<std::string>& value) {
    wire::Encoder out = session.out.encoder();
    if (value && value->find('\0') != std::string::npos) {
      out.literal_head(value->size(), true).raw(*value);
    } else {
      out.nstring(value);
    }
  }
  static boost::asio::awaitable<Result<std::optional<std::string>>> read(Session& session, Uid uid,
                                                                         const AnnotationValue& value) {
    auto work = [who = *session.principal, mailbox = session.selected->view.snapshot().mailbox.id, uid,
                 entry = value.entry,
                 shared = value.shared](schema::Transaction& tx) -> Result<std::optional<std::string>> {
      auto grant = schema::authorize(tx, who, mailbox, schema::kRead);
      if (!grant) return grant.error();
      return schema::read_annotation(tx, *grant, who.account, uid, entry, shared);
    };
    return session.db(std::move(work), schema::Mode::reads);
  }

  std::vector<EntryMatch> entries_;
  std::vector<AnnotationAttribute> attributes_;
  schema::AnnotationsWanted wanted_;
  std::vector<std::string> exact_;  // entries that were named
  bool named_ = false;              // all were
};

// "(" entries SP attribs ")"
FetchItems parse_fetch(wire::Lexer& lexer, const ParseContext& context) {
  std::vector<EntryMatch> entries;
  std::vector<AnnotationAttribute> attributes;
  const auto entry = [&] {
    if (entries.size() >= context.limits.fetch_items) lexer.bad("Too many entries");
    entries.push_back(grammar::parse_entry_match(lexer));
  };
  const auto attribute = [&] { grammar::parse_annotation_attribute(lexer, attributes); };
  lexer.sp();
  lexer.take('(');
  if (lexer.peek() == '(') {
    lexer.list(false, entry);
  } else {
    entry();
  }
  lexer.sp();
  if (lexer.peek() == '(') {
    lexer.list(false, attribute);
  } else {
    attribute();
  }
  lexer.take(')');
  return {std::make_shared<AnnotationItem>(std::move(entries), std::move(attributes))};
}

// -- SEARCH

// Text compares as in other keys; what is no text compares octet by octet (RFC 5257 7).
std::function<bool(std::string_view)> holds(std::string text, bool octets, Collation collation) {
  if (octets) {
    return [text = std::move(text)](std::string_view value) { return value.find(text) != std::string_view::npos; };
  }
  return [text = mime::folded(text, collation), collation](std::string_view value) {
    return mime::folded(value, collation).find(text) != std::string::npos;
  };
}

// entry-match SP att-search SP value. NIL finds messages without such a value.
SearchNode parse_search(wire::Lexer& lexer, SearchContext& context) {
  schema::AnnotationHas leaf;
  lexer.sp();
  EntryMatch match = grammar::parse_entry_match(lexer);
  if (match.exact()) {
    leaf.only = match.text();
  } else {
    leaf.entry = [match = std::move(match)](std::string_view entry) { return match.matches(entry); };
  }
  lexer.sp();
  const std::string attribute = lexer.word();
  if (attribute != "VALUE" && attribute != "VALUE.PRIV" && attribute != "VALUE.SHARED") {
    lexer.bad("Only value, value.priv and value.shared are searched");
  }
  leaf.of_user = attribute != "VALUE.SHARED";
  leaf.shared = attribute != "VALUE.PRIV";
  lexer.sp();
  grammar::AnnotationText text = grammar::parse_annotation_value(lexer);
  if (text.too_long) lexer.bad("No annotation is that long");
  if (!text.octets || context.bad_charset) return SearchNode::stored(std::move(leaf));
  const bool octets = text.octets->find('\0') != std::string::npos || !mime::valid_in(*text.octets, context.charset);
  if (!octets) text.octets = mime::to_utf8(*text.octets, context.charset).value_or(*text.octets);
  leaf.value = holds(std::move(*text.octets), octets, context.collation);
  return SearchNode::stored(std::move(leaf));
}

// -- SELECT

SelectAction parse_parameter(wire::Lexer&, const ParseContext&) {
  return SelectAction{[](Session& session) { session.annotate_next = true; }, {}};
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "annotate";
  extension.rfcs = {"RFC 5257"};
  extension.requires_names = {"fetch", "store", "search", "select"};
  extension.capabilities = {{"ANNOTATE-EXPERIMENT-1"}};
  extension.fetch_items = {{"ANNOTATION", parse_fetch}};
  extension.search_keys = {{"ANNOTATION", parse_search}};
  extension.select_parameters = {{"ANNOTATE", parse_parameter}};
  extension.response_codes = {"ANNOTATIONS", "ANNOTATE TOOBIG", "ANNOTATE TOOMANY"};
  return extension;
}

}  // namespace cpm::imap::ext::annotate
