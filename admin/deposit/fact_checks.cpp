#include "admin/deposit/fact_checks.h"

#include "admin/deposit/text.h"

#include <algorithm>
#include <cctype>

namespace cpm::deposit {

namespace {

constexpr std::size_t kLongestField = 990;  // RFC 5322 2.1.1, with the field's name

Error wrong(std::string text) { return fail(Failure::invalid, bounded(std::move(text))); }

// What a kind of object is called in a sentence.
std::string sentence_name(const Facts& facts) {
  return std::string("an object of type \"") + kind_name(facts.kind) + "\"";
}

Result<void> need(const Facts& facts, const char* name, bool there) {
  if (there) return {};
  return wrong(sentence_name(facts) + " needs \"" + name + "\"");
}

// On one line, short enough, without controls.
Result<void> check_line(const std::string& name, const std::string& value, std::size_t most = kLongestField) {
  const bool control = std::any_of(value.begin(), value.end(), [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet < 0x20U || octet == 0x7fU;
  });
  if (control) return wrong("\"" + name + "\" holds a line end or another control character");
  if (value.size() > most) return wrong("\"" + name + "\" is longer than " + std::to_string(most) + " octets");
  if (!value.empty() && (value.front() == ' ' || value.back() == ' ')) {
    return wrong("\"" + name + "\" begins or ends with a blank");
  }
  return {};
}

Result<void> check_token(const std::string& name, const std::string& value) {
  CPM_CHECK(check_line(name, value));
  if (value.find(' ') != std::string::npos || !is_ascii(value)) {
    return wrong("\"" + name + "\" is an identifier: ASCII characters without blanks");
  }
  return {};
}

Result<void> check_word(const char* name, const std::string& value, std::initializer_list<std::string_view> allowed) {
  if (value.empty() || std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return {};
  std::string list;
  for (const std::string_view one : allowed) list += (list.empty() ? "\"" : ", \"") + std::string(one) + "\"";
  return wrong("\"" + std::string(name) + "\" is \"" + value + "\", but must be one of " + list);
}

Result<void> check_text(const char* name, const std::optional<std::string>& text) {
  if (text && text->find('\0') != std::string::npos) return wrong(std::string("\"") + name + "\" holds a zero octet");
  return {};
}

// RFC 9051 flag: \Seen, $Forwarded, a keyword.
Result<void> check_flag(const std::string& flag) {
  const std::string_view name = std::string_view(flag).substr(flag.starts_with('\\') ? 1 : 0);
  const bool good = !name.empty() && std::none_of(name.begin(), name.end(), [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet <= 0x20U || octet >= 0x7fU || std::string_view("(){%*\"\\]").find(c) != std::string_view::npos;
  });
  if (!good) return wrong("\"" + flag + "\" is not a flag as \\Seen or a keyword as $Forwarded");
  if (name.size() > kLongestField) return wrong("a flag is too long");
  std::string lower(flag);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (lower == "\\recent") return wrong("\\Recent is the server's own flag and cannot be given");
  return {};
}

Result<void> check_file(const FileFacts& file) {
  CPM_CHECK(check_line("name", file.name, 500));
  CPM_CHECK(check_token("type", file.type));
  if (!file.type.empty() &&
      (file.type.find('/') == std::string::npos || file.type.find_first_of("<>\"\\;,") != std::string::npos)) {
    return wrong("\"type\" is \"" + file.type + "\", but a media type is as image/png");
  }
  CPM_CHECK(check_token("id", file.id));
  if (file.id.find_first_of("<>") != std::string::npos) return wrong("the \"id\" of a file stands without < and >");
  CPM_CHECK(check_line("description", file.description, 500));
  CPM_CHECK(check_word("disposition", file.disposition, {"attachment", "inline", "render"}));
  CPM_CHECK(check_token("url", file.url));
  if (!file.until.empty()) CPM_CHECK(Timestamp::parse(file.until));
  CPM_CHECK(check_text("sdp", file.sdp));
  for (const FileFacts& thumbnail : file.thumbnail) CPM_CHECK(check_file(thumbnail));
  return {};
}

Result<void> check_header(const std::string& name, const std::string& value) {
  const bool good =
      !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f && c != ':'; });
  if (!good) return wrong("\"" + name + "\" is not the name of a header field");
  return check_line(name, value);
}

// Everything that ends up on a line of its own.
Result<void> check_lines(const Facts& facts) {
  CPM_CHECK(check_token("conversation", facts.conversation));
  CPM_CHECK(check_token("contribution", facts.contribution));
  CPM_CHECK(check_token("session", facts.session));
  CPM_CHECK(check_token("in_reply_to", facts.in_reply_to));
  CPM_CHECK(check_token("id", facts.id));
  CPM_CHECK(check_token("message_id", facts.message_id));
  CPM_CHECK(check_line("from", facts.from));
  std::size_t together = 0;
  for (const std::string& address : facts.to) {
    CPM_CHECK(check_line("to", address));
    if (address.empty()) return wrong("\"to\" holds an empty address");
    together += address.size() + 4;
  }
  if (together > kLongestField)
    return wrong("\"to\" is longer than " + std::to_string(kLongestField) +
                 " octets; name the others in \"participants\"");
  CPM_CHECK(check_word("direction", facts.direction, {"sent", "received"}));
  CPM_CHECK(check_line("subject", facts.subject, 700));
  CPM_CHECK(check_line("of", facts.of));
  CPM_CHECK(check_line("focus", facts.focus));
  CPM_CHECK(check_line("correlator", facts.correlator, 700));
  for (const Participant& one : facts.participants) {
    CPM_CHECK(check_line("participants", one.address));
    CPM_CHECK(check_line("participants", one.name));
    if (one.address.empty()) return wrong("\"participants\" holds one without an address");
  }
  CPM_CHECK(check_line("mailbox", facts.mailbox));
  CPM_CHECK(check_line("root", facts.root));
  CPM_CHECK(check_text("text", facts.text));
  CPM_CHECK(check_text("html", facts.html));
  CPM_CHECK(check_text("sdp", facts.sdp));
  for (const std::string& flag : facts.flags) CPM_CHECK(check_flag(flag));
  for (const auto& [name, value] : facts.headers) CPM_CHECK(check_header(name, value));
  for (const FileFacts& file : facts.files) CPM_CHECK(check_file(file));
  return {};
}

Result<void> check_words(const Facts& facts) {
  for (const std::string& wish : facts.notify) {
    CPM_CHECK(check_word("notify", wish, {"positive-delivery", "negative-delivery", "display", "processing"}));
  }
  CPM_CHECK(check_word("service", facts.service, {"pager", "large", "file", "session"}));
  CPM_CHECK(check_word("status", facts.status,
                       {"delivered", "displayed", "failed", "forbidden", "error", "processed", "stored"}));
  CPM_CHECK(check_word("report", facts.report, {"delivery", "display", "processing"}));
  CPM_CHECK(check_word("session_type", facts.session_type, {"1-1", "Ad-Hoc", "Pre-Defined", "Group"}));
  return check_word("group_type", facts.group_type, {"Open", "Closed"});
}

// Which facts each kind cannot do without.
Result<void> check_needs(const Facts& facts) {
  const bool second = facts.generation == 2;
  const Kind kind = facts.kind;
  CPM_CHECK(need(facts, "date", facts.date.has_value()));
  if (second || kind == Kind::message || kind == Kind::chat || kind == Kind::notification || kind == Kind::media) {
    CPM_CHECK(need(facts, "id", !facts.id.empty()));
  }
  if (second) CPM_CHECK(need(facts, "direction", !facts.direction.empty()));
  if (kind != Kind::group_state) CPM_CHECK(need(facts, "from", !facts.from.empty()));
  if (kind != Kind::notification && kind != Kind::media) {
    CPM_CHECK(need(facts, "conversation", !facts.conversation.empty()));
    CPM_CHECK(need(facts, "contribution", !facts.contribution.empty()));
  }
  switch (kind) {
    case Kind::message:
      if (!facts.text && !facts.html && facts.files.empty()) return need(facts, "text", false);
      return need(facts, "to", !facts.to.empty());
    case Kind::chat:
      if (!second) CPM_CHECK(need(facts, "session", !facts.session.empty()));
      if (!facts.files.empty()) return wrong("files of a chat are objects of type \"file\"");
      return need(facts, "text", facts.text || facts.html);
    case Kind::notification:
      CPM_CHECK(need(facts, "of", !facts.of.empty()));
      return need(facts, "status", !facts.status.empty());
    case Kind::session: return need(facts, "participants", !facts.participants.empty() || !facts.to.empty());
    case Kind::file:
      CPM_CHECK(need(facts, "file", !facts.files.empty()));
      return need(facts, "participants", second || !facts.participants.empty() || !facts.to.empty());
    case Kind::media:
      if (facts.files.size() != 1) return need(facts, "file", false);
      return {};
    case Kind::group_state:
      CPM_CHECK(need(facts, "focus", !facts.focus.empty()));
      return need(facts, "participants", !facts.participants.empty());
    case Kind::sms: CPM_CHECK(need(facts, "to", !facts.to.empty())); return need(facts, "text", facts.text.has_value());
    case Kind::mms:
      CPM_CHECK(need(facts, "to", !facts.to.empty()));
      return need(facts, "file", facts.text || !facts.files.empty());
  }
  return {};
}

Result<void> check_generation(const Facts& facts) {
  if (facts.generation != 1 && facts.generation != 2) return wrong("\"generation\" is 1 or 2");
  const bool legacy = facts.kind == Kind::sms || facts.kind == Kind::mms;
  if (legacy && facts.generation == 1) {
    return wrong(sentence_name(facts) + " exists in generation 2 only; give it \"generation\": 2");
  }
  if (facts.kind == Kind::session) {
    const bool group = facts.session_type == "Group";
    if (facts.generation == 2 && !facts.session_type.empty() && !group) {
      return wrong("a session of generation 2 is a group chat: \"session_type\" can only be \"Group\"");
    }
    if (facts.generation == 1 && group) return wrong("\"session_type\": \"Group\" belongs to generation 2");
    if (facts.generation == 2 && !facts.files.empty())
      return wrong("a session of generation 2 has \"sdp\", and no files");
    if (facts.generation == 1 && !facts.sdp.empty())
      return wrong("a session of generation 1 has \"sdp\" with each of its \"files\"");
  }
  if (facts.generation == 2 && facts.kind == Kind::file && facts.files.size() == 1 && !facts.files.front().url.empty())
    return {};
  for (const FileFacts& file : facts.files) {
    if (file.path.empty())
      return wrong("a file needs a \"path\" here; only a file transfer of generation 2 can have a \"url\" instead");
  }
  return {};
}

}  // namespace

Facts completed(const Facts& given, const BuildOptions& options) {
  Facts facts = given;
  if (facts.generation == 0) facts.generation = options.generation;
  if (facts.root.empty()) facts.root = options.root;
  if (facts.contribution.empty()) {
    const bool in_session = facts.kind == Kind::chat || facts.kind == Kind::group_state;
    if (in_session && !facts.session.empty()) {
      facts.contribution = facts.session;
    } else if (facts.generation == 2 && (in_session || facts.kind == Kind::session)) {
      facts.contribution = facts.conversation;
    }
  }
  if (facts.expired) facts.flags.emplace_back("$Expired");
  return facts;
}

Result<void> check_facts(const Facts& facts) {
  CPM_CHECK(check_lines(facts));
  CPM_CHECK(check_words(facts));
  CPM_CHECK(check_needs(facts));
  return check_generation(facts);
}

}  // namespace cpm::deposit
