#include "imap/cpm/header_facts.h"

#include "base/percent.h"
#include "imap/cpm/text.h"
#include "imap/mime/header.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace cpm::imap::cpm_objects {

namespace {

using Fields = std::vector<mime::HeaderField>;

constexpr std::size_t kLongestId =
    1000;  // an identifier longer than this identifies nothing; also an index row's limit

// PostgreSQL text must be UTF-8; other octets cannot be an identifier anybody asks for.
bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
}

// One identifier: the value of its first field.
struct Id {
  std::string_view name;
  std::string schema::ObjectFacts::*value;
};
constexpr std::array<Id, 4> kIds{{{"Conversation-ID", &schema::ObjectFacts::conversation_id},
                                  {"Contribution-ID", &schema::ObjectFacts::contribution_id},
                                  {"IMDN-Message-ID", &schema::ObjectFacts::imdn_message_id},
                                  {"Message-ID", &schema::ObjectFacts::message_id}}};

// Reads the identifiers in one pass; false when a value does not say all that SEARCH HEADER would find.
bool read_ids(const Fields& fields, schema::ObjectFacts& facts) {
  bool exact = true;
  std::array<bool, kIds.size()> seen{};
  for (const mime::HeaderField& field : fields) {
    for (std::size_t i = 0; i < kIds.size(); ++i) {
      if (!mime::equals_ignore_case(field.name, kIds[i].name)) continue;
      if (seen[i]) exact = false;
      if (seen[i]) continue;
      seen[i] = true;
      std::string value = mime::unfold(field.value);
      std::erase(value, '\0');
      const bool usable = value.size() <= kLongestId && is_ascii(value);
      const bool plain = value.find("=?") == std::string::npos && value.find_first_of("\r\n") == std::string::npos;
      if (!usable || !plain || value.empty()) exact = false;
      if (usable) facts.*kIds[i].value = std::move(value);
    }
  }
  return exact;
}

// Fields of which the first one counts.
enum class Name {
  conversation,
  contribution,
  imdn,
  reply,
  reply_with_hyphen,
  direction,
  correlator,
  context,
  service,
  accept,
  content_type,
  from,
  subject,
  date_time,
};
struct Known {
  std::string_view name;
  Name is;
  bool cpm = false;     // mail has no such field
  bool second = false;  // nor has the first generation
};
constexpr std::array<Known, 14> kKnown = {{{"Conversation-ID", Name::conversation, true},
                                           {"Contribution-ID", Name::contribution, true},
                                           {"IMDN-Message-ID", Name::imdn, true, true},
                                           {"InReplyTo-Contribution-ID", Name::reply, true},
                                           {"In-Reply-To-Contribution-ID", Name::reply_with_hyphen, true},
                                           {"Message-Direction", Name::direction, true, true},
                                           {"Message-Correlator", Name::correlator, true, true},
                                           {"Message-Context", Name::context},  // mail has it too (RFC 3458)
                                           {"P-Asserted-Service", Name::service, true},
                                           {"Accept-Contact", Name::accept, true},
                                           {"Content-Type", Name::content_type},
                                           {"From", Name::from},
                                           {"Subject", Name::subject},
                                           {"DateTime", Name::date_time}}};

// Values of Message-Context that only CPM stores write. voice-message and the like are of mail (RFC 3458).
bool is_cpm_context(std::string_view context) {
  static constexpr std::array<std::string_view, 10> kContexts = {
      "pager-message", "multimedia-message", "chat-message",     "file-message", "standalone-message",
      "imdn-message",  "conference-message", "response-message", "bot-message",  "geolocation-message"};
  return context.starts_with("x-rcs-") || std::find(kContexts.begin(), kContexts.end(), context) != kContexts.end();
}

// "msg", "largemsg", "filetransfer" or "session" of a CPM service's URN; another URN as it stands, in lower case.
// P-Asserted-Service holds it bare, Accept-Contact within a feature tag and with "%3A" for ":".
std::string service_of(std::string_view value, bool& group) {
  static constexpr std::string_view kCpm = "3gpp-service.ims.icsi.oma.cpm.";
  static constexpr std::array<std::string_view, 4> kServices = {"msg", "largemsg", "filetransfer", "session"};
  const std::string text = mime::ascii_lower(percent_decode(value.substr(0, 4 * kFactOctets)));
  const auto end_of = [&](std::size_t from) {
    return std::min(text.find_first_of(" \t\r\n\",;<>", from), text.size());
  };
  if (const auto at = text.find(kCpm); at != std::string::npos) {
    const std::size_t begin = at + kCpm.size();
    std::string_view name = std::string_view(text).substr(begin, end_of(begin) - begin);
    if (name.ends_with(".group")) {
      group = true;
      name.remove_suffix(6);
    }
    if (std::find(kServices.begin(), kServices.end(), name) != kServices.end()) return std::string(name);
  }
  const auto urn = text.find("urn:");
  if (urn == std::string::npos) return {};
  return clean(std::string_view(text).substr(urn, end_of(urn) - urn));
}

class Reader {
 public:
  explicit Reader(const Fields& fields) {
    for (const mime::HeaderField& field : fields) take(field);
  }

  [[nodiscard]] std::string value(Name name) const {
    const auto& found = first_[static_cast<std::size_t>(name)];
    return found ? mime::unfold(*found) : std::string();
  }
  HeaderFacts out;

 private:
  void take(const mime::HeaderField& field) {
    if (mime::equals_ignore_case(field.name, "To") || mime::equals_ignore_case(field.name, "Cc")) {
      if (!out.recipients.empty()) out.recipients += ',';
      if (out.recipients.size() < kBodyOctets) out.recipients += mime::unfold(field.value.substr(0, kBodyOctets));
      return;
    }
    for (const Known& known : kKnown) {
      if (!mime::equals_ignore_case(field.name, known.name)) continue;
      auto& first = first_[static_cast<std::size_t>(known.is)];
      if (!first) first = field.value.substr(0, kBodyOctets);
      out.cpm = out.cpm || known.cpm;
      out.second = out.second || known.second;
      return;
    }
  }

  std::array<std::optional<std::string_view>, kKnown.size()> first_;
};

}  // namespace

HeaderFacts read_header(std::string_view header, schema::ObjectFacts& facts) {
  const Fields fields = mime::header_fields(header);
  facts.exact = read_ids(fields, facts);
  Reader reader(fields);
  HeaderFacts& out = reader.out;
  if (const std::string direction = reader.value(Name::direction); !direction.empty())
    facts.direction = mime::equals_ignore_case(direction, "sent") || mime::equals_ignore_case(direction, "\"sent\"")
                          ? schema::Direction::sent
                          : schema::Direction::received;
  out.content_type = mime::ascii_lower(reader.value(Name::content_type));

  std::string context = mime::ascii_lower(reader.value(Name::context));
  std::erase(context, '"');
  const bool known_context = is_cpm_context(trim(context));
  out.cpm = out.cpm || known_context;
  out.second = out.second || known_context;
  facts.context = clean(context);
  facts.correlator = clean_words(reader.value(Name::correlator));
  facts.in_reply_to = clean(reader.value(Name::reply));
  if (facts.in_reply_to.empty()) facts.in_reply_to = clean(reader.value(Name::reply_with_hyphen));
  for (const Name name : {Name::service, Name::accept})
    if (facts.service.empty()) facts.service = service_of(reader.value(name), out.group);

  out.from = reader.value(Name::from);
  out.subject = reader.value(Name::subject);
  out.date_time = reader.value(Name::date_time);
  return std::move(reader.out);
}

}  // namespace cpm::imap::cpm_objects
