#include "admin/conversation_archive.h"

#include "admin/message_verbs.h"
#include "schema/message_flags.h"

#include <algorithm>
#include <iostream>

namespace cpm::admin {

namespace {

using schema::ConversationMessage;
using schema::ObjectKind;
using schema::Talk;

class JsonArchive final : public ConversationSink {
 public:
  JsonArchive(std::ostream& out, bool media) : out_(out), media_(media) {}

  void begin(const schema::Conversation& row) override {
    Json facts = to_json(row);
    facts.erase("last");
    out_ << "{\"format\": 1,\n\"conversation\": " << text_of(facts) << ",\n\"messages\": [";
  }

  void object(const TranscriptEntry& entry, ConversationObject* object) override {
    std::string text = text_of(json_of(entry, object));
    out_ << (first_ ? "\n" : ",\n");
    first_ = false;
    if (object == nullptr || object->files().empty()) {
      out_ << text;
      return;
    }
    // The files come last, so that their octets pass by.
    text.pop_back();
    out_ << text << ", \"files\": [";
    bool first = true;
    for (const ObjectFile& file : object->files()) {
      std::string one = text_of({{"name", file.name},
                                 {"type", file.type},
                                 {"octets", file.size ? Json(*file.size) : Json(nullptr)},
                                 {"stored", file.part != nullptr}});
      out_ << (first ? "" : ", ");
      first = false;
      if (!media_ || file.part == nullptr) {
        out_ << one;
        continue;
      }
      one.pop_back();
      out_ << one << ", \"octets_base64\": \"";
      Base64 base64([&](std::string_view piece) { out_ << piece; });
      object->read(file, [&](std::string_view piece) { base64.feed(piece); });
      base64.finish();
      out_ << "\"}";
    }
    out_ << "]}";
  }

  void end() override { out_ << "\n]}\n"; }

 private:
  static std::string text_of(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

  static Json json_of(const TranscriptEntry& entry, ConversationObject* object) {
    const ConversationMessage& message = entry.message;
    const schema::ObjectFacts& facts = message.facts;
    Json out = {{"kind", kind_name(facts.kind)},
                {"at", time_text(message.at)},
                {"direction", facts.direction == schema::Direction::sent       ? Json("sent")
                              : facts.direction == schema::Direction::received ? Json("received")
                                                                               : Json(nullptr)},
                {"from", facts.sender},
                {"participants", facts.participants},
                {"unread", entry.unread},
                {"deleted", (message.flags & schema::kDeleted) != 0},
                {"mailbox", message.mailbox},
                {"uidvalidity", message.uidvalidity.value},
                {"uid", message.uid.value}};
    const auto put = [&](const char* name, const std::string& value) {
      if (!value.empty()) out[name] = value;
    };
    put("imdn_message_id", facts.imdn_message_id);
    put("conversation_id", facts.conversation_id);
    put("contribution_id", facts.contribution_id);
    put("in_reply_to", facts.in_reply_to);
    put("subject", facts.subject);
    put("session_type", facts.session_type);
    put("group_type", facts.group_type);
    put("focus", facts.focus);
    put("reports_on", facts.reports_on);
    if (facts.disposition != schema::Disposition::none) out["disposition"] = disposition_name(facts.disposition);
    if (facts.moment) out["moment"] = time_text(*facts.moment);
    if (object != nullptr) {
      out["text"] = object->text();
    } else if (talk_of(facts) != Talk::silent && !facts.preview.empty()) {
      out["text"] = facts.preview;
    }
    Json reports = Json::array();
    for (const schema::DispositionReport& report : entry.reports) {
      reports.push_back({{"disposition", disposition_name(report.disposition)},
                         {"by", report.by},
                         {"at", report.at ? Json(time_text(*report.at)) : Json(nullptr)}});
    }
    if (!reports.empty()) out["reports"] = std::move(reports);
    return out;
  }

  std::ostream& out_;
  const bool media_;
  bool first_ = true;
};

class HtmlArchive final : public ConversationSink {
 public:
  explicit HtmlArchive(std::ostream& out) : out_(out) {}

  void begin(const schema::Conversation& row) override {
    std::string with;
    for (const std::string& address : row.participants) with += (with.empty() ? "" : ", ") + address;
    const std::string title = row.name.empty() ? with : row.name;
    out_
        << "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
           // Whatever a message says, nothing is loaded and nothing runs.
           "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; media-src data:; "
           "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
           "<meta name=\"viewport\" content=\"width=device-width\">\n<title>"
        << html_text(title)
        << "</title>\n<style>\n"
           "body{font:16px/1.4 sans-serif;max-width:48em;margin:1em auto;padding:0 1em;color:#222;background:#fff}\n"
           "h2,.note{font-size:.85em;text-align:center;color:#666;font-weight:normal;margin:1em 0}\n"
           "article{max-width:80%;margin:.5em 0;padding:.5em .8em;border-radius:.8em;background:#eee}\n"
           "article.sent{margin-left:auto;background:#d8ecff;width:fit-content}\n"
           "article.received{width:fit-content}\narticle.unread{outline:2px solid #48f}\n"
           "p{margin:.2em 0;white-space:pre-wrap;overflow-wrap:anywhere}\nfooter,.who{font-size:.8em;color:#666}\n"
           "img,video{max-width:100%;display:block}\n</style>\n</head>\n<body>\n<h1>"
        << html_text(title) << "</h1>\n";
    if (!row.subject.empty()) out_ << "<p>" << html_text(row.subject) << "</p>\n";
    if (!with.empty()) out_ << "<p class=\"who\">with " << html_text(with) << "</p>\n";
    out_ << "<p class=\"who\">" << row.messages << (row.messages == 1 ? " message, " : " messages, ") << row.unread
         << " unread; times are UTC</p>\n";
  }

  void object(const TranscriptEntry& entry, ConversationObject* object) override {
    const ConversationMessage& message = entry.message;
    const schema::ObjectFacts& facts = message.facts;
    const Talk talk = talk_of(facts);
    if (talk == Talk::silent) return;
    const std::string when = time_text(message.at);
    if (when.substr(0, 10) != day_) {
      day_ = when.substr(0, 10);
      out_ << "<h2>" << day_ << "</h2>\n";
    }
    if (talk == Talk::state) {
      note(when, facts);
      return;
    }
    out_ << "<article class=\"" << (talk == Talk::sent ? "sent" : "received") << (entry.unread ? " unread" : "")
         << "\"><div class=\"who\"><time datetime=\"" << when << "\">" << when.substr(11, 5) << "</time> "
         << html_text(talk == Talk::sent     ? "me"
                      : facts.sender.empty() ? "?"
                                             : facts.sender);
    if (facts.kind == ObjectKind::sms) out_ << " (SMS)";
    if (facts.kind == ObjectKind::mms) out_ << " (MMS)";
    out_ << "</div>\n";
    const std::string text = object != nullptr ? object->text() : facts.preview;
    if (!text.empty()) out_ << "<p>" << html_text(text) << "</p>\n";
    if (object != nullptr) {
      for (const ObjectFile& file : object->files()) put(*object, file);
    }
    const auto states = states_of(entry.reports);
    if (!states.empty()) {
      out_ << "<footer>";
      for (const ReportState& state : states) out_ << "<div>" << html_text(state_text(state)) << "</div>";
      out_ << "</footer>\n";
    }
    out_ << "</article>\n";
  }

  void end() override { out_ << "</body>\n</html>\n"; }

 private:
  void note(const std::string& when, const schema::ObjectFacts& facts) {
    const bool session = facts.kind == ObjectKind::session_info;
    out_ << "<div class=\"note\"><time datetime=\"" << when << "\">" << when.substr(11, 5) << "</time> "
         << (session ? "session" : "state of the group");
    std::string people;
    for (const std::string& address : facts.participants) people += (people.empty() ? "with " : ", ") + address;
    for (const std::string& fact : {facts.session_type, facts.group_type, facts.subject, people})
      if (!fact.empty()) out_ << "; " << html_text(fact);
    out_ << "</div>\n";
  }

  void put(ConversationObject& object, const ObjectFile& file) {
    const std::string name = html_text(plain_file_name(file.name));
    if (file.part == nullptr) {
      out_ << "<p>" << name << " (not in the store)</p>\n";
      return;
    }
    const InlineMedia media = inline_media(file.type);
    // The media type is one of a list here, never what a message says.
    switch (media) {
      case InlineMedia::image: out_ << "<img alt=\"" << name << "\" src=\"data:" << file.type; break;
      case InlineMedia::audio: out_ << "<audio controls title=\"" << name << "\" src=\"data:" << file.type; break;
      case InlineMedia::video: out_ << "<video controls title=\"" << name << "\" src=\"data:" << file.type; break;
      case InlineMedia::none: out_ << "<a download=\"" << name << "\" href=\"data:application/octet-stream"; break;
    }
    out_ << ";base64,";
    Base64 base64([&](std::string_view piece) { out_ << piece; });
    object.read(file, [&](std::string_view piece) { base64.feed(piece); });
    base64.finish();
    switch (media) {
      case InlineMedia::image: out_ << "\">\n"; break;
      case InlineMedia::audio: out_ << "\"></audio>\n"; break;
      case InlineMedia::video: out_ << "\"></video>\n"; break;
      case InlineMedia::none: out_ << "\">" << name << "</a>\n"; break;
    }
  }

  std::ostream& out_;
  std::string day_;
};

// In a transcript the name and size of a file are enough.
bool worth_reading(const schema::ObjectFacts& facts, bool media) {
  if (talk_of(facts) == Talk::silent || facts.kind == ObjectKind::group_state) return false;
  constexpr std::uint64_t kLarge = 1U << 20;
  const bool file = facts.kind == ObjectKind::file_transfer || facts.kind == ObjectKind::media;
  return media || !file || !facts.file_size || *facts.file_size <= kLarge;
}

}  // namespace

Result<void> pour(Context& context, const OpenConversation& conversation, ConversationSink& sink, bool media) {
  CPM_TRY(config, context.config());
  ConversationReader reader(context, conversation);
  sink.begin(conversation.row);
  std::vector<Skipped> skipped;
  for (;;) {
    CPM_TRY(page, reader.next());
    if (page.empty()) break;
    for (const TranscriptEntry& entry : page) {
      if (!worth_reading(entry.message.facts, media)) {
        sink.object(entry, nullptr);
        continue;
      }
      auto octets = read_object(context, conversation.who, entry.message, config->limits);
      if (!octets) {
        if (hopeless(octets.error().failure)) return octets.error();
        skipped.push_back(
            {entry.message.mailbox + " UID " + std::to_string(entry.message.uid.value), octets.error().text});
        sink.object(entry, nullptr);
        continue;
      }
      ConversationObject object(*octets, entry.message.facts, config->limits);
      sink.object(entry, &object);
    }
  }
  sink.end();
  print_skipped(context, skipped);
  if (!skipped.empty()) return fail(Failure::corrupt, std::to_string(skipped.size()) + " could not be read");
  return {};
}

std::unique_ptr<ConversationSink> json_archive(std::ostream& out, bool media) {
  return std::make_unique<JsonArchive>(out, media);
}

std::unique_ptr<ConversationSink> html_archive(std::ostream& out) { return std::make_unique<HtmlArchive>(out); }

std::vector<ReportState> states_of(const std::vector<schema::DispositionReport>& reports) {
  using schema::Disposition;
  std::vector<ReportState> out;
  for (const schema::DispositionReport& report : reports) {
    auto state = std::find_if(out.begin(), out.end(), [&](const ReportState& one) { return one.by == report.by; });
    if (state == out.end()) state = out.insert(out.end(), {report.by, {}, {}, {}, false, false, false});
    const auto keep = [&](bool& was, std::optional<std::chrono::sys_seconds>& at) {
      if (!was || (report.at && (!at || *report.at < *at))) at = report.at;
      was = true;
    };
    switch (report.disposition) {
      case Disposition::delivered: keep(state->was_delivered, state->delivered); break;
      case Disposition::displayed: keep(state->was_displayed, state->displayed); break;
      case Disposition::failed:
      case Disposition::forbidden:
      case Disposition::error: keep(state->has_failed, state->failed); break;
      default: break;
    }
  }
  std::erase_if(out,
                [](const ReportState& one) { return !one.was_delivered && !one.was_displayed && !one.has_failed; });
  return out;
}

std::string state_text(const ReportState& state) {
  std::string out;
  const auto add = [&](bool was, const std::optional<std::chrono::sys_seconds>& at, const char* what) {
    if (!was) return;
    if (!out.empty()) out += ", ";
    out += what;
    if (at) out += " " + time_text(*at).substr(0, 10) + " " + time_text(*at).substr(11, 5);
  };
  add(state.was_delivered, state.delivered, "delivered");
  add(state.was_displayed, state.displayed, "read");
  add(state.has_failed, state.failed, "failed");
  if (!state.by.empty()) out += " by " + state.by;
  return out;
}

}  // namespace cpm::admin
