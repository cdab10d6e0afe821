#include "imap/mime/structure.h"

#include "imap/mime/header.h"
#include "imap/mime/lines.h"

#include <algorithm>
#include <functional>
#include <unordered_map>
#include <utility>

namespace cpm::imap::mime {

namespace {

// A boundary longer than this (RFC 2046 5.1.1 allows 70 octets) is no boundary.
constexpr std::size_t kMaxBoundary = 1000;
static_assert(kMaxBoundary + 8 < LineReader::kMaxLine);

// All headers of one message together may be this many times Limits::header_octets; headers beyond are not interpreted.
constexpr std::size_t kHeaderBudget = 8;

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

// An octet offset, and how many line ends are before it.
struct Place {
  std::uint64_t at = 0;
  std::uint64_t lines = 0;
};

// An entity that is being read.
struct Frame {
  Part part;
  bool in_header = true;
  bool digest_child = false;  // default type is message/rfc822 (RFC 2046 5.1.5)
  std::size_t level = 0;      // composite parts around it
  std::string header;         // while in_header
  std::string boundary;       // of a multipart; empty once its final boundary has been seen
  Place opened;
  Place body;
  Place least;  // where it can end at the earliest: behind its header and its children
};

class StructureParser {
 public:
  StructureParser(ByteSource& source, const Limits& limits)
      : reader_(source), limits_(limits), header_budget_(kHeaderBudget * limits.header_octets) {}

  Part run() {
    open({}, true, false, 0);
    Line line;
    while (reader_.next(line)) {
      take(line);
      if (line.ended) ++lines_;
      last_line_end_ = line.line_end_octets;
    }
    // No boundary follows here: the last line end is content.
    const Place end{reader_.position(), lines_};
    while (stack_.size() > 1) close(end);
    if (stack_.back().in_header) finish_header(end);
    while (stack_.size() > 1) close(end);  // that header announced a nested message
    seal(stack_.back(), end);
    return std::move(stack_.back().part);
  }

 private:
  void open(Place at, bool head, bool digest_child, std::size_t level) {
    Frame frame;
    frame.part.head = head;
    frame.part.header_begin = at.at;
    frame.digest_child = digest_child;
    frame.level = level;
    frame.opened = at;
    stack_.push_back(std::move(frame));
    ++parts_;
  }

  void take(const Line& line) {
    if (line.text.starts_with("--") && boundary(line)) return;
    Frame& top = stack_.back();
    if (!top.in_header) return;
    if (line.blank) {
      finish_header({line.end, lines_ + 1});
      return;
    }
    const std::size_t room = limits_.header_octets - std::min(limits_.header_octets, top.header.size());
    top.header.append(line.raw.substr(0, std::min(room, header_budget_)));
    header_budget_ -= std::min({header_budget_, room, line.raw.size()});
  }

  // Handles a line that is a delimiter of any open multipart, the innermost first. Lines are looked up, not compared
  // with every level: a message can nest a hundred levels and then hold nothing but lines that begin with "--".
  bool boundary(const Line& line) {
    std::string_view text = line.text.substr(2);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
    if (boundaries_.empty() || text.empty() || text.size() > kMaxBoundary + 2) return false;
    std::optional<std::size_t> level = innermost(text);
    bool last = false;
    if (text.ends_with("--")) {
      const auto closes = innermost(text.substr(0, text.size() - 2));
      last = closes && (!level || *closes > *level);
      if (last) level = closes;
    }
    if (!level || (!last && parts_ >= limits_.mime_parts)) return false;
    end_children(*level, line);
    if (last) {
      forget_boundary(stack_[*level]);
    } else {
      const bool digest = equals_ignore_case(stack_[*level].part.subtype, "digest");
      open({line.end, lines_ + (line.ended ? 1 : 0)}, false, digest, stack_[*level].level + 1);
    }
    return true;
  }

  // The level on the stack whose boundary this is.
  [[nodiscard]] std::optional<std::size_t> innermost(std::string_view text) const {
    const auto found = boundaries_.find(text);
    if (found == boundaries_.end()) return std::nullopt;
    return found->second.back();
  }

  void forget_boundary(Frame& frame) {
    if (frame.boundary.empty()) return;
    const auto found = boundaries_.find(frame.boundary);
    found->second.pop_back();
    if (found->second.empty()) boundaries_.erase(found);
    frame.boundary.clear();
  }

  // The line end before a boundary belongs to the boundary (RFC 2046 5.1.1).
  void end_children(std::size_t parent, const Line& delimiter) {
    const Place end{delimiter.begin - last_line_end_, lines_ - (last_line_end_ > 0 ? 1 : 0)};
    while (stack_.size() > parent + 1) close(end);
  }

  // Ends the innermost entity. If it was still in its header, that may open a nested message: then the caller calls
  // again.
  void close(Place end) {
    if (stack_.back().in_header && finish_header(end)) return;
    seal(stack_.back(), end);
    forget_boundary(stack_.back());
    Frame done = std::move(stack_.back());
    stack_.pop_back();
    Frame& parent = stack_.back();
    if (done.least.at > parent.least.at) parent.least = done.least;
    parent.part.children.push_back(std::move(done.part));
  }

  static void seal(Frame& frame, Place end) {
    if (end.at < frame.least.at) end = frame.least;
    frame.least = end;
    Part& part = frame.part;
    part.body_end = end.at;
    part.lines = end.lines - frame.body.lines;
    if (part.kind == Kind::multipart && part.children.empty()) {
      part.kind = Kind::leaf;
      set_type(part, "text", "plain");
    }
  }

  bool finish_header(Place end);
  void interpret(Frame& frame);
  static void set_type(Part& part, std::string_view type, std::string_view subtype) {
    part.type = type;
    part.subtype = subtype;
    part.parameters.clear();
    if (type == "text") part.parameters.push_back({"charset", "us-ascii"});
  }

  LineReader reader_;
  const Limits& limits_;
  std::size_t header_budget_;
  std::vector<Frame> stack_;
  // Open boundaries with the levels of stack_ that have them, innermost last; hardly ever more than one.
  std::unordered_map<std::string, std::vector<std::size_t>, TextHash, std::equal_to<>> boundaries_;
  std::size_t parts_ = 0;
  std::uint64_t lines_ = 0;          // line ends before the current line
  std::uint64_t last_line_end_ = 0;  // octets of the line end before the current line
};

// `end` is where the body begins. True if the header announced a nested message, which is then open.
bool StructureParser::finish_header(Place end) {
  Frame& frame = stack_.back();
  if (end.at < frame.opened.at) end = frame.opened;
  frame.in_header = false;
  frame.body = frame.least = end;
  frame.part.header_end = end.at;
  frame.part.body_begin = end.at;
  interpret(frame);
  frame.header = {};
  if (frame.part.kind != Kind::message) return false;
  open(end, true, false, frame.level + 1);
  return true;
}

void read_field(Part& part, const HeaderField& field, std::optional<MediaType>& media, bool& has_type,
                bool& has_encoding) {
  if (field.name.size() < 8 || !equals_ignore_case(field.name.substr(0, 8), "content-")) return;
  const std::string name = ascii_lower(field.name.substr(8));
  const auto once = [&](std::optional<std::string>& to) {
    if (!to) to = unfold(field.value);
  };
  if (name == "type" && !has_type) {
    has_type = true;
    media = parse_media_type(field.value);
  } else if (name == "transfer-encoding" && !has_encoding) {
    has_encoding = true;
    if (std::string token = parse_token(field.value); !token.empty()) part.transfer_encoding = std::move(token);
  } else if (name == "id") {
    once(part.id);
  } else if (name == "description") {
    once(part.description);
  } else if (name == "md5") {
    once(part.md5);
  } else if (name == "location" && !part.location) {
    std::string location = unfold(field.value);  // folding inside a URI is no part of it (RFC 2557 4.4)
    std::erase_if(location, [](char c) { return c == ' ' || c == '\t'; });
    part.location = std::move(location);
  } else if (name == "disposition" && !part.disposition) {
    part.disposition = parse_disposition(field.value);
  } else if (name == "language" && part.languages.empty()) {
    part.languages = parse_languages(field.value);
  }
}

void StructureParser::interpret(Frame& frame) {
  Part& part = frame.part;
  std::optional<MediaType> media;
  bool has_type = false;
  bool has_encoding = false;
  for (const auto& field : header_fields(frame.header)) read_field(part, field, media, has_type, has_encoding);
  part.encoding = parse_encoding(part.transfer_encoding);
  if (part.head) part.envelope = parse_envelope(frame.header);

  if (media) {
    part.type = std::move(media->type);
    part.subtype = std::move(media->subtype);
    part.parameters = std::move(media->parameters);
    if (equals_ignore_case(part.type, "text") && !parameter(part.parameters, "charset"))
      part.parameters.push_back({"charset", "us-ascii"});
  } else if (frame.digest_child && !has_type) {
    set_type(part, "message", "rfc822");
  } else {
    set_type(part, "text", "plain");
  }

  const bool multipart = equals_ignore_case(part.type, "multipart");
  const bool message = part.is("message", "rfc822") || part.is("message", "global");
  if (!multipart && !message) return;
  // Composite types may only be 7bit, 8bit or binary (RFC 2045 6.4); others, and those nested too deep, are opaque.
  if (part.encoding != Encoding::identity || frame.level >= limits_.mime_nesting || parts_ >= limits_.mime_parts) {
    part.type = "application";
    part.subtype = "octet-stream";
    return;
  }
  if (message) {
    part.kind = Kind::message;
    return;
  }
  std::string boundary;
  for (const auto& [name, value] : part.parameters)
    if (boundary.empty() && equals_ignore_case(name, "boundary")) boundary = value;
  if (boundary.empty()) boundary = parameter(part.parameters, "boundary").value_or("");
  while (!boundary.empty() && boundary.back() == ' ') boundary.pop_back();  // cannot end with a blank (RFC 2046 5.1.1)
  if (boundary.empty() || boundary.size() > kMaxBoundary) {
    set_type(part, "text", "plain");
    return;
  }
  part.kind = Kind::multipart;
  frame.boundary = std::move(boundary);
  boundaries_[frame.boundary].push_back(stack_.size() - 1);
}

}  // namespace

bool Part::is(std::string_view type_, std::string_view subtype_) const {
  return equals_ignore_case(type, type_) && equals_ignore_case(subtype, subtype_);
}

Part parse_structure(ByteSource& source, const Limits& limits) { return StructureParser(source, limits).run(); }

}  // namespace cpm::imap::mime
