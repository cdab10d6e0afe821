#include "admin/deposit/content.h"

#include "admin/deposit/text.h"

#include <algorithm>
#include <filesystem>

namespace cpm::deposit {

namespace {

constexpr const char* kXml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n";

std::vector<Piece> one_piece(std::string octets) {
  std::vector<Piece> pieces(1);
  pieces.front().octets = std::move(octets);
  return pieces;
}

// `wanted`, or with a number behind it when the text has a line that could be this boundary.
std::string free_boundary(const std::string& wanted, const std::vector<Entity>& parts) {
  std::string boundary = wanted;
  for (int number = 1;; ++number) {
    const bool taken = std::any_of(parts.begin(), parts.end(), [&](const Entity& part) {
      return std::any_of(part.pieces.begin(), part.pieces.end(),
                         [&](const Piece& piece) { return piece.octets.find("--" + boundary) != std::string::npos; });
    });
    if (!taken) return boundary;
    boundary = wanted + std::to_string(number);
  }
}

bool eight_bit(const Entity& part) {
  return std::any_of(part.pieces.begin(), part.pieces.end(),
                     [](const Piece& piece) { return !is_ascii(piece.octets); });
}

// The parts with their headers between boundaries; the last one has no line end.
std::vector<Piece> joined(const std::string& boundary, const std::vector<Entity>& parts) {
  std::vector<Piece> pieces;
  std::string text;
  for (const Entity& part : parts) {
    text += "--" + boundary + "\r\n" + Head().add("Content-Type", part.type).text() + part.more.text() + "\r\n";
    for (const Piece& piece : part.pieces) {
      if (piece.path.empty()) {
        text += piece.octets;
        continue;
      }
      pieces.push_back(Piece{std::move(text), {}, 0});
      text.clear();
      pieces.push_back(piece);
    }
    text += "\r\n";
  }
  pieces.push_back(Piece{text + "--" + boundary + "--", {}, 0});
  return pieces;
}

Entity multipart(const std::string& subtype, const std::string& wanted, const std::vector<Entity>& parts) {
  const std::string boundary = free_boundary(wanted, parts);
  Entity whole;
  whole.type = "multipart/" + subtype + "; boundary=" + boundary;
  if (std::any_of(parts.begin(), parts.end(), eight_bit)) whole.more.add("Content-Transfer-Encoding", "8bit");
  whole.pieces = joined(boundary, parts);
  return whole;
}

std::string addresses(const Facts& facts, const std::string& separator) {
  std::string text;
  const auto add = [&](const std::string& address) { text += (text.empty() ? "" : separator) + xml_text(address); };
  for (const Participant& one : facts.participants) add(one.address);
  if (facts.participants.empty()) {
    for (const std::string& address : facts.to) add(address);
  }
  return text;
}

// A name within a=file-selector: RFC 5547 6 escapes quotes, percent signs and line ends.
std::string selector_name(const std::string& name) {
  std::string out;
  for (const char c : name) {
    if (c == '"') {
      out += "%22";
    } else if (c == '%') {
      out += "%25";
    } else {
      out += c;
    }
  }
  return out;
}

std::string sdp_of(const FileFacts& file) {
  if (!file.sdp.empty()) {
    std::string sdp = crlf_lines(file.sdp);
    while (sdp.ends_with("\r\n")) sdp.resize(sdp.size() - 2);
    return sdp;
  }
  std::string sdp = file.description.empty() ? "" : "i=" + file.description + "\r\n";
  sdp += "a=file-selector:name:\"" + selector_name(file.name) + "\" type:" + file.type +
         " size:" + std::to_string(file.size.value_or(0));
  if (file.disposition == "render") sdp += "\r\na=file-disposition:render";
  return sdp;
}

std::string medium(const std::string& element, const FileFacts& file) {
  return "<" + element + ">\r\n<cid>cid:<" + file.id + "></cid>\r\n<sdp>\r\n" + sdp_of(file) + "\r\n</sdp>\r\n</" +
         element + ">";
}

std::string described(const std::string& type_element, const std::string& type, const Facts& facts,
                      const std::string& element, const std::vector<FileFacts>& files) {
  std::string text = "<" + type_element + ">" + xml_text(type) + "</" + type_element + ">\r\n<invited-participants>" +
                     addresses(facts, "; ") + "</invited-participants>";
  for (const FileFacts& file : files) text += "\r\n" + medium(element, file);
  return text;
}

std::string session_type(const Facts& facts) {
  if (!facts.session_type.empty()) return facts.session_type;
  return std::max(facts.participants.size(), facts.participants.empty() ? facts.to.size() : 0) > 1 ? "Ad-Hoc" : "1-1";
}

std::string file_info(const char* type, const FileFacts& file, const std::string& name) {
  std::string text = std::string("<file-info type=\"") + type + "\"><file-size>" +
                     std::to_string(file.size.value_or(0)) + "</file-size>";
  if (!name.empty()) text += "<file-name>" + xml_text(name) + "</file-name>";
  text += "<content-type>" + xml_text(file.type) + "</content-type><data url=\"" + xml_text(file.url) + "\"";
  if (!file.until.empty()) text += " until=\"" + xml_text(file.until) + "\"";
  return text + "/></file-info>";
}

}  // namespace

Head& Head::add(std::string_view name, std::string_view value) {
  if (!value.empty()) text_ += std::string(name) + ": " + std::string(value) + "\r\n";
  return *this;
}

Head& Head::append(const Head& other) {
  text_ += other.text_;
  return *this;
}

std::uint64_t Entity::size() const noexcept {
  std::uint64_t sum = 0;
  for (const Piece& piece : pieces) sum += piece.size();
  return sum;
}

void Entity::append(const Entity& inner) { pieces.insert(pieces.end(), inner.pieces.begin(), inner.pieces.end()); }

Result<FileFacts> looked_up(FileFacts file) {
  if (!file.path.empty()) {
    std::error_code error;
    const auto size = std::filesystem::file_size(file.path, error);
    if (error || !std::filesystem::is_regular_file(file.path, error)) {
      return fail(Failure::not_found, file.path + " is not a file that can be read");
    }
    file.size = size;
    if (file.name.empty()) file.name = std::filesystem::path(file.path).filename().string();
  }
  if (file.type.empty()) file.type = type_of_name(file.name);
  for (FileFacts& thumbnail : file.thumbnail) {
    CPM_TRY(complete, looked_up(thumbnail));
    thumbnail = complete;
  }
  return file;
}

Entity text_entity(const std::string& text, const std::string& type) {
  Entity entity;
  entity.type = type;
  entity.pieces = one_piece(crlf_lines(text));
  if (!is_ascii(text)) entity.more.add("Content-Transfer-Encoding", "8bit");
  return entity;
}

Entity file_entity(const FileFacts& file, bool with_id) {
  Entity entity;
  entity.type = file.type;
  entity.more.add("Content-Transfer-Encoding", "base64");
  if (with_id) entity.more.add("Content-ID", "<" + file.id + ">");
  entity.more.add("Content-Description", header_text(file.description));
  if (!file.disposition.empty()) {
    entity.more.add("Content-Disposition",
                    file.disposition + (file.name.empty() ? "" : "; " + parameter("filename", file.name)));
  }
  entity.pieces.push_back(Piece{{}, file.path, file.size.value_or(0)});
  return entity;
}

Entity letter_entity(const Facts& facts, const std::vector<FileFacts>& files, const std::string& plain_type) {
  std::vector<Entity> parts;
  if (facts.text && facts.html) {
    parts.push_back(
        multipart("alternative", "cpm-alternative",
                  {text_entity(*facts.text, plain_type), text_entity(*facts.html, "text/html; charset=utf-8")}));
  } else if (facts.text) {
    parts.push_back(text_entity(*facts.text, plain_type));
  } else if (facts.html) {
    parts.push_back(text_entity(*facts.html, "text/html; charset=utf-8"));
  }
  for (const FileFacts& file : files) parts.push_back(file_entity(file, false));
  return parts.size() == 1 ? parts.front() : multipart("mixed", "cpm-mixed", parts);
}

Entity mms_entity(const Facts& facts, const std::vector<FileFacts>& files) {
  std::vector<Entity> parts;
  if (facts.text) {
    parts.push_back(text_entity(*facts.text, "text/plain; charset=utf-8"));
    parts.back().more.add("Content-ID", "<text.txt>");
  }
  for (const FileFacts& file : files) parts.push_back(file_entity(file, true));
  const std::string boundary = free_boundary("b1", parts);
  Entity whole;
  whole.type = "multipart/related;boundary=\"" + boundary + "\";";
  whole.pieces = joined(boundary, parts);
  return whole;
}

Entity related_entity(const std::string& root_type, const std::string& root, const std::vector<FileFacts>& files) {
  std::vector<Entity> parts(1);
  parts.front().type = root_type;
  parts.front().pieces = one_piece(root);
  for (const FileFacts& file : files) parts.push_back(file_entity(file, true));
  const std::string boundary = free_boundary("cpm", parts);
  Entity whole;
  whole.type = "multipart/related;boundary=" + boundary + "; type=\"" + root_type + "\"";
  if (eight_bit(parts.front())) whole.more.add("Content-Transfer-Encoding", "8bit");
  whole.pieces = joined(boundary, parts);
  return whole;
}

std::string session_description(const Facts& facts, const std::vector<FileFacts>& files) {
  return described("session-type", session_type(facts), facts, "media-object", files);
}

std::string transfer_description(const Facts& facts, const std::vector<FileFacts>& files) {
  return described("file-transfer-type", session_type(facts), facts, "file-object", files);
}

std::string session_document(const Facts& facts) {
  return kXml + std::string("<session><session-type>Group</session-type><sdp>") + xml_text(crlf_lines(facts.sdp)) +
         "</sdp><invited-participants>" + addresses(facts, ";") + "</invited-participants></session>";
}

std::string transfer_document(const FileFacts& file) {
  std::string text = kXml + std::string("<file>");
  for (const FileFacts& thumbnail : file.thumbnail) text += file_info("thumbnail", thumbnail, {}) + "\r\n";
  return text + file_info("file", file, file.name) + "</file>";
}

std::string group_state_document(const Facts& facts, bool with_contribution) {
  // The offset is numeric: a deployed client fails on Z (1.7).
  std::string text = kXml + ("<groupstate timestamp=\"" + facts.date->iso_numeric(true)) + "\" lastfocussessionid=\"" +
                     xml_text(facts.focus) + "\" group-type=\"" +
                     (facts.group_type.empty() ? "Closed" : facts.group_type) + "\"";
  if (with_contribution) text += " contributionid=\"" + xml_text(facts.contribution) + "\"";
  text += ">\r\n";
  for (const Participant& one : facts.participants) {
    text += "<participant name=\"" + xml_text(one.name) + "\" comm-addr=\"" + xml_text(one.address) + "\"/>\r\n";
  }
  return text + "</groupstate>";
}

std::string notification_document(const Facts& facts, const std::string& report) {
  return kXml + std::string("<imdn xmlns=\"urn:ietf:params:xml:ns:imdn\">\r\n<message-id>") + xml_text(facts.of) +
         "</message-id>\r\n<datetime>" + facts.date->iso_utc() + "</datetime>\r\n<" + report +
         "-notification><status><" + facts.status + "/></status></" + report + "-notification>\r\n</imdn>";
}

}  // namespace cpm::deposit
