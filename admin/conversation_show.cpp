// cpmctl conversation show: a transcript that people can read, or JSON; written while it is read.
#include "admin/cli.h"
#include "admin/conversation_archive.h"
#include "admin/conversation_object.h"
#include "admin/conversation_verbs.h"
#include "admin/size.h"
#include "schema/message_flags.h"

#include <ctime>
#include <iostream>

namespace cpm::admin {

namespace {

using schema::ObjectKind;
using schema::Talk;

struct Options {
  std::string address, name;
};

std::string clock_text(std::chrono::sys_seconds at) { return time_text(at).substr(11, 5); }

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

// Lines of a text under each other.
std::string indented(const std::string& text, std::size_t width) {
  std::string out;
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = text.find('\n', begin);
    out += printable(std::string_view(text).substr(begin, end - begin));
    if (end == std::string::npos) return out;
    out += '\n' + std::string(width, ' ');
    begin = end + 1;
  }
}

std::string file_text(const ObjectFile& file) {
  std::string out = "[" + (file.name.empty() ? std::string("file") : plain_file_name(file.name));
  if (!file.type.empty()) out += ", " + file.type;
  if (file.size) out += ", " + size_text(*file.size);
  if (file.part == nullptr) out += ", not in the store";
  return printable(out + "]");
}

class Transcript final : public ConversationSink {
 public:
  explicit Transcript(std::ostream& out) : out_(out) {}

  void begin(const schema::Conversation& row) override {
    out_ << printable(row.name.empty() ? joined(row.participants) : row.name) << "  " << thread_text(row.id) << '\n';
    if (!row.subject.empty()) out_ << "subject " << printable(row.subject) << '\n';
    if (!row.participants.empty()) out_ << "with " << printable(joined(row.participants)) << '\n';
    out_ << row.messages << (row.messages == 1 ? " message, " : " messages, ") << row.unread
         << " unread; times are UTC\n";
  }

  void object(const TranscriptEntry& entry, ConversationObject* object) override {
    const schema::ConversationMessage& message = entry.message;
    const schema::ObjectFacts& facts = message.facts;
    const Talk talk = talk_of(facts);
    if (talk == Talk::silent) return;  // told at the message that it is about
    if (!session_.empty() && message.mailbox != session_) end_session();
    day(message.at);
    if (facts.kind == ObjectKind::session_info) {
      if (!session_.empty()) end_session();
      session_ = message.mailbox;
      note(message.at, "session begins", {facts.session_type, facts.subject, with(facts.participants)});
      last_ = message.at;
      return;
    }
    last_ = message.at;
    if (facts.kind == ObjectKind::group_state) {
      note(message.at, "state of the group", {facts.group_type, facts.focus, with(facts.participants)});
      return;
    }
    said(entry, object);
  }

  void end() override {
    if (!session_.empty()) end_session();
  }

 private:
  static std::string with(const std::vector<std::string>& people) {
    return people.empty() ? std::string() : "with " + joined(people);
  }

  void day(std::chrono::sys_seconds at) {
    const std::string date = time_text(at).substr(0, 10);
    if (date == day_) return;
    day_ = date;
    const std::time_t seconds = at.time_since_epoch().count();
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char text[60];
    out_ << "\n-- " << std::string(text, std::strftime(text, sizeof text, "%A, %Y-%m-%d", &parts)) << " --\n";
  }

  void note(std::chrono::sys_seconds at, const std::string& what, const std::vector<std::string>& facts) {
    std::string known;
    for (const std::string& fact : facts)
      if (!fact.empty()) known += (known.empty() ? ": " : "; ") + fact;
    out_ << "  " << clock_text(at) << "  -- " << what << printable(known) << " --\n";
  }

  void end_session() {
    note(last_, "session ends", {});
    session_.clear();
  }

  void said(const TranscriptEntry& entry, ConversationObject* object) {
    const schema::ObjectFacts& facts = entry.message.facts;
    const bool own = talk_of(facts) == Talk::sent;
    const std::string who = own ? "me" : facts.sender.empty() ? "?" : facts.sender;
    std::string line = (entry.unread ? "* " : "  ") + clock_text(entry.message.at) + "  " + printable(who) + ": ";
    const std::size_t width = 9;
    std::string text = object != nullptr ? object->text() : facts.preview;
    if (facts.kind == ObjectKind::sms) text += text.empty() ? "(SMS)" : "  (SMS)";
    if (facts.kind == ObjectKind::mms) text += text.empty() ? "(MMS)" : "  (MMS)";
    if ((entry.message.flags & schema::kDeleted) != 0) text += text.empty() ? "(deleted)" : "  (deleted)";
    line += indented(text, width);
    if (object != nullptr) {
      bool first = text.empty();
      for (const ObjectFile& file : object->files()) {
        line += first ? file_text(file) : "\n" + std::string(width, ' ') + file_text(file);
        first = false;
      }
    }
    out_ << line << '\n';
    for (const ReportState& state : states_of(entry.reports))
      out_ << std::string(width, ' ') << printable(state_text(state)) << '\n';
  }

  std::ostream& out_;
  std::string day_, session_;
  std::chrono::sys_seconds last_{};
};

Result<void> show(Context& context, const Options& options) {
  CPM_TRY(conversation, open_conversation(context, options.address, options.name));
  if (context.json) {
    const auto sink = json_archive(context.io.out, false);
    return pour(context, conversation, *sink, false);
  }
  Transcript transcript(context.io.out);
  return pour(context, conversation, transcript, false);
}

}  // namespace

void add_conversation_show(CLI::App& noun, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App& verb = add_verb(noun, "show",
                            "a transcript: days, who said what, files, sessions, who received and read the own "
                            "messages; * marks what is unread",
                            {"conversation show alice@example.net tel:+15550100",
                             "conversation show alice@example.net Tf00dfeedf00dfeed --json"});
  verb.add_option("address", options->address, "any address of the user")->required()->type_name("ADDRESS");
  verb.add_option("conversation", options->name, "the other party's address, the Conversation-ID, or the THREADID")
      ->required()
      ->type_name("CONVERSATION");
  on_run<Options>(verb, context, options, show);
}

}  // namespace cpm::admin
