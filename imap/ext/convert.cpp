// CONVERT (RFC 5259): CONVERSIONS says what can be made of what, CONVERT and UID CONVERT make it: parts of messages in
// another media type, size or charset, and headers in another charset. What a conversion is stands in
// imap/session/conversions.h. \Seen is not touched. What the RFC leaves open: docs/convert.md.
#include "adapt/conversions.h"
#include "imap/commands/stored_message.h"
#include "imap/grammar/sequence_set.h"
#include "imap/mime/bodystructure.h"
#include "imap/mime/header.h"
#include "imap/mime/header_charset.h"
#include "imap/response/language.h"
#include "imap/response/responses.h"
#include "imap/session/conversions.h"
#include "imap/session/convert_preferences.h"
#include "imap/session/read_record.h"
#include "imap/session/snapshot.h"
#include "schema/messages.h"

#include <algorithm>
#include <map>
#include <set>

namespace cpm::imap::ext::convert {

namespace {

using grammar::ConvertItem;
using grammar::ConvertParameters;
using Kind = ConvertItem::Kind;
using Path = std::vector<std::uint32_t>;

constexpr std::uint64_t kInlineOctets = 32 * 1024;
constexpr std::size_t kHeaderOnThisThread = 16 * 1024;
constexpr std::size_t kLongestReplacement = 32;  // octets
constexpr std::string_view kHeaderType = "text/rfc822-headers";
constexpr std::string_view kCharset = "charset", kReplacement = "unknown-character-replacement";
constexpr const char* kSomething = "application/octet-stream";  // the grammar wants a type in any case
constexpr const char* kNoSuchPart = "There is no such part";
constexpr const char* kNotPossible = "This conversion is not possible";
constexpr const char* kBadParameters = "These parameters do not belong to this conversion";
constexpr const char* kBadValue = "These parameters have values that are not possible";

// -- CONVERSIONS

struct ConversionsCommand {
  std::string from, to;  // media ranges in lower case
};

ConversionsCommand parse_conversions(wire::Lexer& lexer, const ParseContext&) {
  const auto range = [&] {
    lexer.sp();
    // "*" is no astring; written as an atom it is understood all the same.
    std::string text = mime::ascii_lower(lexer.list_mailbox());
    if (!grammar::is_media_range(text)) lexer.bad("Not a media type");
    return text;
  };
  ConversionsCommand command;
  command.from = range();
  command.to = range();
  lexer.end();
  return command;
}

boost::asio::awaitable<Done> list_conversions(Session& session, ConversionsCommand command) {
  const Conversions* conversions = session.services.conversions;
  if (conversions == nullptr) co_return no("There is no media worker", "UNAVAILABLE");
  for (const adapt::Conversion& one : adapt::conversions()) {
    if (!grammar::in_media_range(one.source, command.from) || !grammar::in_media_range(one.target, command.to))
      continue;
    wire::Encoder out = session.out.encoder();
    out.raw("* CONVERSION ").quoted(one.source).sp().quoted(one.target);
    const char* between = " (";
    for (const adapt::Parameter& parameter : one.parameters) {
      out.raw(between).quoted(parameter.name);
      between = " ";
    }
    if (!one.parameters.empty()) out.raw(")");
    out.crlf();
    auto sent = co_await session.out.relieve();
    if (!sent) co_return failed(sent.error());
  }
  co_return ok("CONVERSIONS completed");
}

// -- CONVERT

struct ConvertCommand {
  bool uid = false;
  grammar::SequenceSet set;
  grammar::ConvertTo to;
  std::vector<ConvertItem> items;
};

ConvertCommand parse_any(wire::Lexer& lexer, bool uid) {
  ConvertCommand command;
  command.uid = uid;
  lexer.sp();
  command.set = grammar::parse_sequence_set(lexer);
  lexer.sp();
  command.to = grammar::parse_convert_params(lexer);
  lexer.sp();
  command.items = grammar::parse_convert_items(lexer);
  lexer.end();
  const bool header = std::any_of(command.items.begin(), command.items.end(),
                                  [](const ConvertItem& item) { return item.kind == Kind::header; });
  if (header && command.to.type) lexer.bad("Headers take the default conversion: NIL");
  const bool named = command.items.front().kind == Kind::uid;
  if (uid && !named) command.items.insert(command.items.begin(), ConvertItem{});
  return command;
}

ConvertCommand parse_convert(wire::Lexer& lexer, const ParseContext&) { return parse_any(lexer, false); }
ConvertCommand parse_uid_convert(wire::Lexer& lexer, const ParseContext&) { return parse_any(lexer, true); }

// What one item is answered with.
struct Answer {
  std::shared_ptr<const ConvertOutcome> outcome;      // of a part
  std::optional<std::string> header;                  // of a header
  std::optional<std::vector<std::string>> available;  // AVAILABLECONVERSIONS
  std::optional<ConvertRefusal> refusal;              // instead of all of them
};

class Converter {
 public:
  Converter(Session& session, ConvertCommand command)
      : session_(session), conversions_(*session.services.conversions), command_(std::move(command)) {}

  boost::asio::awaitable<Done> run() {
    auto uids = session_.selected->view.resolve(command_.set, command_.uid, session_.saved_search);
    if (!uids) co_return failed(uids.error());
    const Limits& limits = session_.limits();
    if (uids->size() > limits.convert_messages) {
      const std::string most = std::to_string(limits.convert_messages);
      co_return no("So many messages are not converted at a time", "MAXCONVERTMESSAGES " + most);
    }
    std::set<Path> parts;
    for (const ConvertItem& item : command_.items) {
      if (item.kind != Kind::uid) parts.insert(item.section.parts);
    }
    if (parts.size() > limits.convert_parts) {
      const std::string most = std::to_string(limits.convert_parts);
      co_return no("So many parts are not converted at a time", "MAXCONVERTPARTS " + most);
    }
    if (uids->empty()) co_return ok("CONVERT completed, no messages");
    auto preferences = co_await convert_preferences(session_);
    if (!preferences) co_return failed(preferences.error());
    preferences_ = *preferences;
    auto rows = co_await read_rows(*uids);
    if (!rows) co_return failed(rows.error());
    const bool some_gone = rows->size() < uids->size();
    for (const schema::MessageRow& row : *rows) {
      auto done = co_await convert(row);
      if (!done) co_return failed(done.error());
      if (session_.terminated) co_return failed(being_ended());
    }
    if (converted_ == 0 && refused_ > 0) {
      const bool temporary = temporary_ == refused_;
      Done done = no("All conversions failed", temporary ? "TEMPFAIL" : "");
      done.told = !temporary || resting_;
      co_return done;
    }
    co_return ok(refused_ > 0 ? "Some conversions failed" : "CONVERT completed",
                 some_gone && !command_.uid ? "EXPUNGEISSUED" : "");
  }

 private:
  using Rows = std::vector<schema::MessageRow>;

  boost::asio::awaitable<Result<Rows>> read_rows(UidSet uids) {
    const bool recorded = session_.reads == Session::Reads::fetch;
    auto work = [who = *session_.principal, mailbox = session_.selected->view.snapshot().mailbox.ref(),
                 uids = std::move(uids), recorded](schema::Transaction& tx) -> Result<Rows> {
      CPM_TRY(grant, schema::authorize(tx, who, mailbox, schema::kRead));
      const std::uint32_t columns = schema::kColumnPartMap | schema::kColumnHeader | schema::kColumnBytes;
      CPM_TRY(rows, schema::fetch_rows(tx, grant, uids, columns, kInlineOctets));
      if (recorded) record_fetched(tx, grant, rows);
      return std::move(rows);
    };
    auto rows = co_await session_.db(std::move(work), recorded ? schema::Mode::transaction : schema::Mode::reads);
    co_return rows;
  }

  // All answers are there before the first octet of the response: nothing waits in the middle of it.
  boost::asio::awaitable<Result<void>> convert(const schema::MessageRow& row) {
    auto parts = mime::PartMap::decode(row.part_map);
    if (!parts) co_return parts.error();
    outcomes_.clear();
    held_ = 0;
    std::vector<Answer> answers;
    for (const ConvertItem& item : command_.items) {
      Answer answer;
      if (item.kind == Kind::header) {
        auto header = co_await convert_header(row, *parts, item);
        if (!header) co_return header.error();
        answer = std::move(*header);
      } else if (item.kind == Kind::available) {
        auto types = co_await available(row, *parts, item.section.parts);
        if (!types) co_return types.error();
        answer = std::move(*types);
      } else if (item.kind != Kind::uid) {
        auto outcome = co_await convert_part(row, *parts, item.section.parts);
        if (!outcome) co_return outcome.error();
        answer.outcome = *outcome;
        if (const auto* refusal = std::get_if<ConvertRefusal>(answer.outcome.get())) answer.refusal = *refusal;
      }
      if (item.kind != Kind::uid) count(answer);
      answers.push_back(std::move(answer));
      if (session_.terminated) co_return being_ended();
    }
    auto written = co_await write(row, answers);
    co_return written;
  }

  void count(const Answer& answer) {
    if (!answer.refusal) {
      ++converted_;
      return;
    }
    ++refused_;
    if (answer.refusal->kind != ConvertRefusal::Kind::temporary) return;
    ++temporary_;
    resting_ = resting_ || answer.refusal->minutes > 1;
  }

  // -- parts

  struct Place {
    ConvertSource source;
    ConvertRequest request;
    std::optional<ConvertRefusal> refusal;
  };

  [[nodiscard]] Place place_of(const schema::MessageRow& row, const mime::PartMap& parts, const Path& path) const {
    Place place;
    place.request.parameters = command_.to.parameters;
    place.request.target = command_.to.type.value_or("");
    place.source.name.account = session_.selected->view.snapshot().mailbox.account;
    place.source.name.content = row.content;
    if (path.empty()) {
      place.source.type = "message/rfc822";
      place.source.body = {0, row.size};
    } else {
      const mime::PartMap::Entry* entry = parts.find(path);
      if (entry == nullptr) {
        place.refusal = refuse(place, kNoSuchPart);
        return place;
      }
      for (const std::uint32_t number : path) {
        place.source.name.part += (place.source.name.part.empty() ? "" : ".") + std::to_string(number);
      }
      place.source.type = entry->media_type;
      place.source.header = entry->header;
      place.source.body = entry->body;
      if (entry->kind == mime::Kind::leaf) place.source.encoding = entry->encoding;
    }
    place.refusal = check(place);
    return place;
  }

  static ConvertRefusal refuse(const Place& place, const char* text, ConvertParameters parameters = {}) {
    const std::string& target = place.request.target;
    return {ConvertRefusal::Kind::bad_parameters, text, place.source.type, target.empty() ? kSomething : target,
            std::move(parameters)};
  }

  // Of those that do not fit: not known there, or with a value that is not possible.
  static ConvertRefusal refuse_parameters(const Place& place, const adapt::Conversion& conversion,
                                          const std::vector<std::string>& wrong) {
    ConvertParameters at_fault;
    bool known = true;
    for (const auto& one : place.request.parameters) {
      if (std::find(wrong.begin(), wrong.end(), one.first) == wrong.end()) continue;
      at_fault.push_back(one);
      known = known && adapt::has_parameter(conversion, one.first);
    }
    return refuse(place, known ? kBadValue : kBadParameters, std::move(at_fault));
  }

  static std::vector<std::string> wrong_of(const Place& place, const adapt::Conversion& conversion) {
    adapt::Parameters asked;
    for (const auto& [name, value] : place.request.parameters) asked.emplace(name, value);
    return adapt::wrong_parameters(conversion, asked);
  }

  // What can be said without looking at the part.
  [[nodiscard]] static std::optional<ConvertRefusal> check(const Place& place) {
    const std::string& target = place.request.target;
    if (place.source.encoding == mime::Encoding::unknown || place.source.type.starts_with("multipart/")) {
      return refuse(place, kNotPossible);
    }
    const std::string source = adapt::canonical_type(place.source.type);
    const auto all = adapt::conversions();
    const auto is_target = [&](const adapt::Conversion& one) { return one.target == target; };
    if (!target.empty() && std::none_of(all.begin(), all.end(), is_target)) return refuse(place, kNotPossible);
    const adapt::Conversion* conversion = target.empty() ? nullptr : adapt::find_conversion(source, target);
    if (conversion == nullptr) return std::nullopt;  // it may be something else: its octets tell
    const std::vector<std::string> wrong = wrong_of(place, *conversion);
    if (wrong.empty()) return std::nullopt;
    return refuse_parameters(place, *conversion, wrong);
  }

  [[nodiscard]] ConvertRequest default_request(const Place& place, const std::string& type) const {
    ConvertRequest request = place.request;
    request.target = default_target(*preferences_, type);
    add_preferred_size(*preferences_, type, request);
    return request;
  }

  // What the part is by its octets: Converted::source.
  boost::asio::awaitable<Result<ConvertOutcome>> look(const Place& place) {
    const ConvertRequest request{std::string(adapt::kWhatItIs), {}};
    auto seen = co_await conversions_.convert(place.source, request);
    co_return seen;
  }

  // The default conversion (6) of what the part really is. Its label is believed until its octets say something else.
  boost::asio::awaitable<Result<ConvertOutcome>> convert_by_default(const Place& place) {
    const std::string label = adapt::canonical_type(place.source.type);
    const ConvertRequest by_label = default_request(place, label);
    Result<ConvertOutcome> made = fail(Failure::internal, "");
    if (by_label.target.empty()) {
      made = co_await look(place);
    } else {
      made = co_await conversions_.convert(place.source, by_label);
    }
    if (!made) co_return made;
    const auto* converted = std::get_if<Converted>(&*made);
    const auto* refusal = std::get_if<ConvertRefusal>(&*made);
    if (refusal != nullptr && refusal->kind == ConvertRefusal::Kind::temporary) co_return made;
    const std::string found = adapt::canonical_type(converted != nullptr ? converted->source : refusal->source);
    const ConvertRequest by_octets = default_request(place, found);
    if (by_octets.target.empty()) {
      ConvertRefusal impossible = refuse(place, kNotPossible);
      if (!found.empty()) impossible.source = found;
      co_return ConvertOutcome(std::move(impossible));
    }
    if (by_octets.target == by_label.target && by_octets.parameters == by_label.parameters) co_return made;
    made = co_await conversions_.convert(place.source, by_octets);
    co_return made;
  }

  boost::asio::awaitable<Result<std::shared_ptr<const ConvertOutcome>>> convert_part(const schema::MessageRow& row,
                                                                                     const mime::PartMap& parts,
                                                                                     const Path& path) {
    const auto known = outcomes_.find(path);
    if (known != outcomes_.end()) co_return known->second;
    Place place = place_of(row, parts, path);
    std::shared_ptr<const ConvertOutcome> outcome;
    if (place.refusal) {
      outcome = std::make_shared<const ConvertOutcome>(*place.refusal);
    } else if (held_ > session_.limits().session_octets) {
      ConvertRefusal refusal = refuse(place, "Too much at a time, ask for fewer parts");
      refusal.kind = ConvertRefusal::Kind::temporary;
      outcome = std::make_shared<const ConvertOutcome>(std::move(refusal));
    } else {
      Result<ConvertOutcome> made = fail(Failure::internal, "");
      if (command_.to.type) {
        made = co_await conversions_.convert(std::move(place.source), std::move(place.request));
      } else {
        made = co_await convert_by_default(place);
      }
      if (!made) co_return made.error();
      if (const auto* converted = std::get_if<Converted>(&*made)) held_ += converted->octets->size();
      outcome = std::make_shared<const ConvertOutcome>(std::move(*made));
    }
    outcomes_.emplace(path, outcome);
    co_return outcome;
  }

  // By the octets (8.4): what is listed here is what CONVERSIONS says of the type that the part really has.
  boost::asio::awaitable<Result<Answer>> available(const schema::MessageRow& row, const mime::PartMap& parts,
                                                   const Path& path) {
    Answer answer;
    Place place = place_of(row, parts, path);
    if (place.refusal) {
      const bool exists = path.empty() || parts.find(path) != nullptr;
      if (exists && !command_.to.type) {
        answer.available.emplace();
      } else {
        answer.refusal = place.refusal;
      }
      co_return answer;
    }
    auto seen = co_await look(place);
    if (!seen) co_return seen.error();
    if (const auto* refusal = std::get_if<ConvertRefusal>(&*seen)) {
      answer.refusal = *refusal;
      co_return answer;
    }
    place.source.type = adapt::canonical_type(std::get<Converted>(*seen).source);
    answer = targets(place);
    co_return answer;
  }

  // Of a part of a type that is known: what all the parameters apply to (8.4).
  [[nodiscard]] Answer targets(Place& place) const {
    Answer answer;
    const std::string& source = place.source.type;
    std::vector<std::string> types;
    const adapt::Conversion* last = nullptr;
    for (const std::string& target : Conversions::targets_of(source)) {
      if (command_.to.type && target != *command_.to.type) continue;
      const adapt::Conversion* one = adapt::find_conversion(source, target);
      if (last == nullptr || one->by_default) last = one;
      if (wrong_of(place, *one).empty()) types.push_back(target);
    }
    if (types.empty() && last != nullptr) {
      place.request.target = last->target;
      answer.refusal = refuse_parameters(place, *last, wrong_of(place, *last));
    } else if (types.empty() && command_.to.type) {
      answer.refusal = refuse(place, kNotPossible);
    } else {
      answer.available = std::move(types);
    }
    return answer;
  }

  // -- headers

  boost::asio::awaitable<Result<Answer>> convert_header(const schema::MessageRow& row, const mime::PartMap& parts,
                                                        const ConvertItem& item) {
    Answer answer;
    const auto refuse_header = [&](ConvertRefusal::Kind kind, const char* text, ConvertParameters parameters,
                                   std::string source = std::string(kHeaderType)) {
      answer.refusal = ConvertRefusal{kind, text, std::move(source), std::string(kHeaderType), std::move(parameters)};
    };
    using Why = ConvertRefusal::Kind;
    const StoredMessage stored{session_, session_.selected->view.snapshot().mailbox.account, &row};
    auto found = co_await find_section(stored, &parts, item.section);
    if (!found) co_return found.error();
    if (!*found) {
      refuse_header(Why::bad_parameters, kNoSuchPart, {}, "");
      co_return answer;
    }
    std::optional<std::string> charset, replacement;
    ConvertParameters wrong;
    for (const auto& one : command_.to.parameters) {
      if (one.first == kCharset) {
        charset = one.second;
      } else if (one.first == kReplacement && one.second.size() <= kLongestReplacement) {
        replacement = one.second;
      } else {
        wrong.push_back(one);
      }
    }
    if (!wrong.empty()) {
      refuse_header(Why::bad_parameters, kBadParameters, std::move(wrong));
      co_return answer;
    }
    if (!charset) {
      refuse_header(Why::missing_parameters, "The charset must be said for headers", {{std::string(kCharset), ""}});
      co_return answer;
    }
    SectionOctets& octets = **found;
    if (!octets.text) {
      const std::uint64_t most = session_.limits().header_octets;
      auto read =
          co_await read_stored(stored, octets.range.begin, std::min(octets.range.end, octets.range.begin + most));
      if (!read) co_return read.error();
      octets.text = std::move(*read);
    }
    const bool small = octets.text->size() <= kHeaderOnThisThread;
    auto work = [text = std::move(*octets.text), name = *charset, replacement](std::size_t) {
      return mime::convert_header(text, name, replacement);
    };
    Result<std::string> header;
    if (small) {
      header = work(0);
    } else {
      header = co_await session_.services.cpu.run(std::move(work));
    }
    if (header) {
      answer.header = std::move(*header);
      co_return answer;
    }
    const Failure why = header.error().failure;
    if (why != Failure::bad_charset && why != Failure::invalid) co_return header.error();
    ConvertParameters at_fault = command_.to.parameters;
    refuse_header(Why::bad_parameters,
                  why == Failure::bad_charset ? "There is no charset of that name"
                                              : "The text has characters that this charset does not have",
                  std::move(at_fault));
    co_return answer;
  }

  // -- the response

  boost::asio::awaitable<Result<void>> write(const schema::MessageRow& row, const std::vector<Answer>& answers) {
    const Out::Mark begin = session_.out.mark();
    session_.mid_response = true;
    const std::uint32_t number = session_.selected->view.msn_of(row.uid).value;
    session_.out << ConvertedHead{number, row.uid.value, session_.tag};
    for (std::size_t i = 0; i < answers.size(); ++i) {
      wire::Encoder out = session_.out.encoder();
      if (i > 0) out.sp();
      const ConvertItem& item = command_.items[i];
      grammar::write_convert_item(out, item);
      out.sp();
      write_answer(out, item, answers[i], row);
      auto sent = co_await session_.out.relieve();
      if (sent) continue;
      session_.mid_response = !session_.out.rewind(begin);
      co_return sent.error();
    }
    session_.out.encoder().raw(")").crlf();
    session_.mid_response = false;
    auto sent = co_await session_.out.relieve();
    co_return sent;
  }

  void write_answer(wire::Encoder& out, const ConvertItem& item, const Answer& answer, const schema::MessageRow& row) {
    if (item.kind == Kind::uid) {
      out.number(row.uid.value);
    } else if (answer.refusal) {
      write_refusal(out, *answer.refusal);
    } else if (answer.header) {
      out.literal_head(answer.header->size(), answer.header->find('\0') != std::string::npos).raw(*answer.header);
    } else if (answer.available) {
      out.raw("((");
      for (std::size_t i = 0; i < answer.available->size(); ++i) {
        if (i > 0) out.sp();
        out.quoted((*answer.available)[i]);
      }
      out.raw("))");
    } else if (const auto* converted = std::get_if<Converted>(answer.outcome.get())) {
      write_converted(out, item, *converted);
    }
  }

  static void write_converted(wire::Encoder& out, const ConvertItem& item, const Converted& converted) {
    std::string_view octets = *converted.octets;
    if (item.kind == Kind::size) {
      out.number(octets.size());
    } else if (item.kind == Kind::structure) {
      write_structure(out, converted);
    } else {
      if (item.partial) {
        octets = octets.substr(static_cast<std::size_t>(std::min<std::uint64_t>(item.partial->offset, octets.size())));
        octets =
            octets.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(item.partial->length, octets.size())));
      }
      out.literal_head(octets.size(), octets.find('\0') != std::string_view::npos).raw(octets);
    }
  }

  // A body without transfer encoding (RFC 5259 8.2), with the extension data of BODYSTRUCTURE.
  static void write_structure(wire::Encoder& out, const Converted& converted) {
    const std::size_t slash = converted.type.find('/');
    const bool text = converted.type.starts_with("text/");
    out.raw("(").string(wire::upper(converted.type.substr(0, slash)));
    out.sp().string(wire::upper(converted.type.substr(slash + 1))).sp();
    if (converted.parameters.empty()) {
      out.raw("NIL");
    } else {
      grammar::write_convert_parameters(out, converted.parameters);
    }
    out.raw(" NIL NIL ").string(text ? "8BIT" : "BINARY").sp().number(converted.octets->size());
    if (text) out.sp().number(converted.lines);
    out.raw(" NIL NIL NIL NIL)");
  }

  void write_refusal(wire::Encoder& out, const ConvertRefusal& refusal) const {
    const std::string text = session_.language != nullptr ? session_.language->say(refusal.text) : refusal.text;
    out.raw("(ERROR ").string(text).sp();
    if (refusal.kind == ConvertRefusal::Kind::temporary) {
      out.raw("TEMPFAIL ").number(refusal.minutes).raw(")");
      return;
    }
    const bool missing = refusal.kind == ConvertRefusal::Kind::missing_parameters;
    out.raw(missing ? "MISSINGPARAMETERS " : "BADPARAMETERS ");
    if (refusal.source.empty()) {
      out.raw("NIL");
    } else {
      out.string(refusal.source);
    }
    out.sp().string(refusal.target);
    if (missing) {
      const char* between = " (";
      for (const auto& [name, value] : refusal.parameters) {
        out.raw(between).string(name);
        between = " ";
      }
      out.raw(")");
    } else if (!refusal.parameters.empty()) {
      out.sp();
      grammar::write_convert_parameters(out, refusal.parameters);
    }
    out.raw(")");
  }

  Session& session_;
  Conversions& conversions_;
  const ConvertCommand command_;
  std::shared_ptr<const ConvertPreferences> preferences_;
  std::map<Path, std::shared_ptr<const ConvertOutcome>> outcomes_;  // of the present message
  std::uint64_t held_ = 0;                                          // octets of them
  std::uint64_t converted_ = 0, refused_ = 0, temporary_ = 0;       // items
  bool resting_ = false;                                            // one says how long to wait
};

boost::asio::awaitable<Done> execute(Session& session, ConvertCommand command) {
  if (session.services.conversions == nullptr) co_return no("There is no media worker", "UNAVAILABLE");
  Converter converter(session, std::move(command));
  Done done = co_await converter.run();
  co_return done;
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "convert";
  extension.rfcs = {"RFC 5259"};
  extension.requires_names = {"binary"};
  extension.capabilities = {
      {"CONVERT", [](const Session& session) { return session.services.conversions != nullptr; }, {}}};
  extension.commands = {command("CONVERSIONS", kLoggedIn, kNoFlags, parse_conversions, list_conversions),
                        command("CONVERT", kSelected, kUsesMsn, parse_convert, execute),
                        command("UID CONVERT", kSelected, kNoFlags, parse_uid_convert, execute)};
  extension.response_codes = {"TEMPFAIL", "MAXCONVERTMESSAGES", "MAXCONVERTPARTS"};
  return extension;
}

}  // namespace cpm::imap::ext::convert
