#include "admin/deposit/conversation_reader.h"

#include "admin/deposit/object_builder.h"
#include "admin/deposit/text.h"
#include "base/config_value.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <istream>
#include <vector>

namespace cpm::deposit {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kSlip = 3;  // changes of letters that still look like a slip

Error wrong(std::string text) { return fail(Failure::invalid, bounded(std::move(text))); }

constexpr unsigned bit(Kind kind) { return 1U << static_cast<unsigned>(kind); }
constexpr unsigned kAll = ~0U;
constexpr unsigned kLetters = bit(Kind::message) | bit(Kind::chat) | bit(Kind::sms) | bit(Kind::mms);
constexpr unsigned kFiles =
    bit(Kind::message) | bit(Kind::session) | bit(Kind::file) | bit(Kind::media) | bit(Kind::mms);
constexpr unsigned kGroups = bit(Kind::session) | bit(Kind::file) | bit(Kind::group_state);
constexpr unsigned kAsking = bit(Kind::message) | bit(Kind::chat) | bit(Kind::file);

Result<void> text_at(const std::string& key, const Json& value, std::string& to) {
  if (!value.is_string()) return wrong("\"" + key + "\" must be a text");
  to = value.get<std::string>();
  return {};
}

Result<void> texts_at(const std::string& key, const Json& value, std::vector<std::string>& to) {
  to.clear();
  if (value.is_string()) {
    to.push_back(value.get<std::string>());
    return {};
  }
  if (!value.is_array()) return wrong("\"" + key + "\" must be a text or a list of texts");
  for (const Json& one : value) {
    if (!one.is_string()) return wrong("\"" + key + "\" must be a text or a list of texts");
    to.push_back(one.get<std::string>());
  }
  return {};
}

template <class Names>
std::string suggestion(const std::string& key, const Names& names) {
  std::string best;
  std::size_t distance = kSlip;
  for (const auto& name : names) {
    const std::size_t now = edit_distance(key, name);
    if (now < distance && now < key.size()) {
      distance = now;
      best = name;
    }
  }
  return best.empty() ? std::string() : "; did you mean \"" + best + "\"?";
}

// `nested`: the file is a thumbnail itself and has none.
Result<void> file_at(const Json& value, const std::string& folder, FileFacts& file, bool nested);

Result<void> file_key(const std::string& key, const Json& value, const std::string& folder, FileFacts& file,
                      bool nested) {
  if (key == "path") {
    CPM_CHECK(text_at(key, value, file.path));
    if (!file.path.empty() && !folder.empty()) file.path = (std::filesystem::path(folder) / file.path).string();
    return {};
  }
  if (key == "name") return text_at(key, value, file.name);
  if (key == "type") return text_at(key, value, file.type);
  if (key == "id") return text_at(key, value, file.id);
  if (key == "description") return text_at(key, value, file.description);
  if (key == "disposition") return text_at(key, value, file.disposition);
  if (key == "sdp") return text_at(key, value, file.sdp);
  if (key == "url") return text_at(key, value, file.url);
  if (key == "until") return text_at(key, value, file.until);
  if (key == "size") {
    if (!value.is_number_unsigned()) return wrong("\"size\" must be a number of octets");
    file.size = value.get<std::uint64_t>();
    return {};
  }
  if (key == "thumbnail" && !nested) {
    file.thumbnail.assign(1, {});
    return file_at(value, folder, file.thumbnail.front(), true);
  }
  static const std::vector<std::string> names = {"path", "name", "type",  "id",   "description", "disposition",
                                                 "sdp",  "url",  "until", "size", "thumbnail"};
  return wrong("unknown key \"" + key + "\" of a file" + suggestion(key, names));
}

Result<void> file_at(const Json& value, const std::string& folder, FileFacts& file, bool nested) {
  if (value.is_string()) return file_key("path", value, folder, file, nested);
  if (!value.is_object()) return wrong("a file is a path, or an object with \"path\" or \"url\"");
  for (const auto& [key, inner] : value.items()) CPM_CHECK(file_key(key, inner, folder, file, nested));
  if (file.path.empty() && file.url.empty()) return wrong("a file needs a \"path\" or a \"url\"");
  return {};
}

Result<void> files_at(const Json& value, const std::string& folder, std::vector<FileFacts>& files) {
  if (!value.is_array()) {
    files.emplace_back();
    return file_at(value, folder, files.back(), false);
  }
  for (const Json& one : value) {
    files.emplace_back();
    CPM_CHECK(file_at(one, folder, files.back(), false));
  }
  return {};
}

Result<void> participants_at(const Json& value, std::vector<Participant>& to) {
  const Error shape = wrong("\"participants\" is a list of addresses, or of objects with \"address\" and \"name\"");
  if (!value.is_array()) return shape;
  for (const Json& one : value) {
    Participant participant;
    if (one.is_string()) {
      participant.address = one.get<std::string>();
    } else if (one.is_object()) {
      for (const auto& [key, inner] : one.items()) {
        if (key != "address" && key != "name") return shape;
        CPM_CHECK(text_at(key, inner, key == "address" ? participant.address : participant.name));
      }
    } else {
      return shape;
    }
    to.push_back(std::move(participant));
  }
  return {};
}

Result<void> headers_at(const Json& value, std::vector<std::pair<std::string, std::string>>& to) {
  if (!value.is_object()) return wrong("\"headers\" is an object: {\"Name\": \"value\"}");
  for (const auto& [name, inner] : value.items()) {
    to.emplace_back(name, std::string());
    CPM_CHECK(text_at(name, inner, to.back().second));
  }
  return {};
}

// One key of the object; the kinds it belongs to.
struct Key {
  const char* name;
  unsigned kinds;
  Result<void> (*read)(const std::string& key, const Json& value, const std::string& folder, Facts& facts);
};

template <std::string Facts::*member>
Result<void> read_text(const std::string& key, const Json& value, const std::string&, Facts& facts) {
  return text_at(key, value, facts.*member);
}

template <std::vector<std::string> Facts::*member>
Result<void> read_texts(const std::string& key, const Json& value, const std::string&, Facts& facts) {
  return texts_at(key, value, facts.*member);
}

template <std::optional<std::string> Facts::*member>
Result<void> read_body(const std::string& key, const Json& value, const std::string&, Facts& facts) {
  (facts.*member).emplace();
  return text_at(key, value, *(facts.*member));
}

Result<void> read_files(const std::string&, const Json& value, const std::string& folder, Facts& facts) {
  return files_at(value, folder, facts.files);
}

Result<void> read_date(const std::string& key, const Json& value, const std::string&, Facts& facts) {
  std::string text;
  CPM_CHECK(text_at(key, value, text));
  CPM_TRY(date, Timestamp::parse(text));
  facts.date = date;
  return {};
}

Result<void> read_generation(const std::string&, const Json& value, const std::string&, Facts& facts) {
  if (!value.is_number_unsigned() || (value.get<std::uint64_t>() != 1 && value.get<std::uint64_t>() != 2)) {
    return wrong("\"generation\" is 1 or 2");
  }
  facts.generation = value.get<int>();
  return {};
}

Result<void> read_expired(const std::string& key, const Json& value, const std::string&, Facts& facts) {
  if (!value.is_boolean()) return wrong("\"" + key + "\" is true or false");
  facts.expired = value.get<bool>();
  return {};
}

Result<void> read_participants(const std::string&, const Json& value, const std::string&, Facts& facts) {
  return participants_at(value, facts.participants);
}

Result<void> read_headers(const std::string&, const Json& value, const std::string&, Facts& facts) {
  return headers_at(value, facts.headers);
}

const std::vector<Key>& keys() {
  static const std::vector<Key> table = {
      {"generation", kAll, read_generation},
      {"conversation", kAll, read_text<&Facts::conversation>},
      {"contribution", kAll, read_text<&Facts::contribution>},
      {"session", kAll & ~bit(Kind::session), read_text<&Facts::session>},
      {"in_reply_to", kAll, read_text<&Facts::in_reply_to>},
      {"id", kAll, read_text<&Facts::id>},
      {"message_id", kAll, read_text<&Facts::message_id>},
      {"from", kAll, read_text<&Facts::from>},
      {"to", kAll, read_texts<&Facts::to>},
      {"direction", kAll, read_text<&Facts::direction>},
      {"date", kAll, read_date},
      {"subject", kAll & ~bit(Kind::notification) & ~bit(Kind::sms) & ~bit(Kind::group_state),
       read_text<&Facts::subject>},
      {"text", kLetters, read_body<&Facts::text>},
      {"html", bit(Kind::message) | bit(Kind::chat), read_body<&Facts::html>},
      {"file", kFiles, read_files},
      {"files", kFiles, read_files},
      {"notify", kAsking, read_texts<&Facts::notify>},
      {"service", kAll, read_text<&Facts::service>},
      {"correlator", bit(Kind::sms) | bit(Kind::mms), read_text<&Facts::correlator>},
      {"of", bit(Kind::notification), read_text<&Facts::of>},
      {"status", bit(Kind::notification), read_text<&Facts::status>},
      {"report", bit(Kind::notification), read_text<&Facts::report>},
      {"session_type", bit(Kind::session) | bit(Kind::file), read_text<&Facts::session_type>},
      {"sdp", bit(Kind::session), read_text<&Facts::sdp>},
      {"participants", kGroups, read_participants},
      {"focus", bit(Kind::group_state), read_text<&Facts::focus>},
      {"group_type", bit(Kind::group_state), read_text<&Facts::group_type>},
      {"flags", kAll, read_texts<&Facts::flags>},
      {"expired", kAll, read_expired},
      {"mailbox", kAll, read_text<&Facts::mailbox>},
      {"root", kAll, read_text<&Facts::root>},
      {"headers", kAll, read_headers}};
  return table;
}

Result<Kind> read_kind(const Json& object) {
  const auto at = object.find("type");
  static const std::vector<std::string> names = {"session",     "message", "chat", "notification", "file",
                                                 "group-state", "media",   "sms",  "mms"};
  if (at == object.end() || !at->is_string()) {
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
    return wrong("\"type\" is missing; it is one of " + list);
  }
  const std::string name = at->get<std::string>();
  const auto kind = kind_of(name);
  if (!kind) return wrong("there is no type \"" + name + "\"" + suggestion(name, names));
  return *kind;
}

Result<void> read_key(const std::string& name, const Json& value, const std::string& folder, Facts& facts) {
  const auto key = std::find_if(keys().begin(), keys().end(), [&](const Key& one) { return one.name == name; });
  if (key == keys().end()) {
    std::vector<std::string> names = {"type"};
    for (const Key& one : keys()) names.emplace_back(one.name);
    return wrong("unknown key \"" + name + "\"" + suggestion(name, names));
  }
  if ((key->kinds & bit(facts.kind)) == 0) {
    return wrong("\"" + name + "\" does not belong to an object of type \"" + kind_name(facts.kind) + "\"");
  }
  return key->read(name, value, folder, facts);
}

// The library's message ends with what it was looking at.
std::string parse_error_text(const std::string& json) {
  try {
    return Json::parse(json).is_object() ? "" : "is not a JSON object";
  } catch (const Json::parse_error& error) {
    const std::string text = error.what();
    const std::size_t colon = text.find("parse error");
    return "is not JSON: " + (colon == std::string::npos ? text : text.substr(colon));
  }
}

}  // namespace

Result<Facts> read_facts(const std::string& json, const std::string& folder) {
  const Json object = Json::parse(json, nullptr, false);
  if (!object.is_object()) return wrong("this " + parse_error_text(json));
  Facts facts;
  CPM_TRY(kind, read_kind(object));
  facts.kind = kind;
  for (const auto& [name, value] : object.items()) {
    if (name != "type") CPM_CHECK(read_key(name, value, folder, facts));
  }
  return facts;
}

// Bounded: of a longer line only so much is kept as shows that it is longer.
bool ConversationReader::read_line(std::string& text) {
  using Traits = std::istream::traits_type;
  text.clear();
  std::streambuf& octets = *in_.rdbuf();
  for (;;) {
    const auto octet = octets.sbumpc();
    if (Traits::eq_int_type(octet, Traits::eof())) break;
    if (octet == '\n') return true;
    if (text.size() <= kLongestLine) text += Traits::to_char_type(octet);
  }
  return !text.empty();
}

Result<std::optional<Facts>> ConversationReader::next() {
  std::string text;
  while (read_line(text)) {
    ++line_;
    if (line_ < first_) continue;
    const std::size_t begin = text.find_first_not_of(" \t\r");
    if (begin == std::string::npos || text[begin] == '#') continue;
    if (text.size() > kLongestLine) {
      return wrong(line_prefix(line_) + "longer than " + format_size(kLongestLine) + "; put the content into a file");
    }
    auto facts = read_facts(text, folder_);
    if (!facts) return wrong(line_prefix(line_) + facts.error().text);
    facts->line = line_;
    return std::optional(std::move(*facts));
  }
  return std::optional<Facts>();
}

}  // namespace cpm::deposit
