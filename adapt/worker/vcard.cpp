// vCard (RFC 6350, and 3.0 and 2.1 before it) to lines that a reader understands: the name, then what there is.
#include "adapt/worker/text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <utility>
#include <vector>

namespace cpm::adapt::worker {

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kShown = {{{"ORG", "Organisation"},
                                                                                   {"TITLE", "Title"},
                                                                                   {"ROLE", "Role"},
                                                                                   {"TEL", "Phone"},
                                                                                   {"EMAIL", "E-mail"},
                                                                                   {"IMPP", "Chat"},
                                                                                   {"ADR", "Address"},
                                                                                   {"URL", "Web"},
                                                                                   {"BDAY", "Born"},
                                                                                   {"NICKNAME", "Nickname"},
                                                                                   {"NOTE", "Note"}}};

// Lines, with folded ones joined (RFC 6350 3.2).
std::vector<std::string> unfold(std::string_view card) {
  std::vector<std::string> lines;
  while (!card.empty()) {
    const std::size_t end = card.find('\n');
    std::string_view line = card.substr(0, end);
    card.remove_prefix(end == std::string_view::npos ? card.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!lines.empty() && !line.empty() && (line.front() == ' ' || line.front() == '\t'))
      lines.back() += line.substr(1);
    else
      lines.emplace_back(line);
  }
  return lines;
}

// \n \, \; \\ as what they mean; an unescaped ';' parts the fields of a structured value.
std::string readable(std::string_view value, bool structured) {
  std::string out;
  const auto part = [&] {
    if (!out.empty() && !out.ends_with(", ")) out += ", ";
  };
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\\' && i + 1 < value.size()) {
      const char c = value[++i];
      if (c == 'n' || c == 'N')
        out += out.empty() ? "" : " ";
      else
        out.push_back(c);
    } else if (value[i] == ';' && structured) {
      part();
    } else {
      out.push_back(value[i]);
    }
  }
  while (out.ends_with(", ")) out.resize(out.size() - 2);
  return out;
}

// vCard 2.1 has "=C3=A9".
std::string unquoted(std::string_view value) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '=' && i + 2 < value.size() && digit(value[i + 1]) >= 0 && digit(value[i + 2]) >= 0) {
      out.push_back(static_cast<char>(digit(value[i + 1]) * 16 + digit(value[i + 2])));
      i += 2;
    } else {
      out.push_back(value[i]);
    }
  }
  return out;
}

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::toupper(c); });
  return out;
}

// N is family; given; additional; prefixes; suffixes.
std::string name_of(std::string_view value) {
  std::array<std::string, 5> parts;
  std::size_t part = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\\' && i + 1 < value.size())
      parts[part].push_back(value[++i]);
    else if (value[i] == ';')
      part = std::min<std::size_t>(part + 1, 4);
    else
      parts[part].push_back(value[i]);
  }
  std::string out;
  for (const std::size_t i : {3, 1, 2, 0, 4}) {
    if (parts[i].empty()) continue;
    if (!out.empty()) out.push_back(' ');
    out += parts[i];
  }
  return out;
}

}  // namespace

std::string vcard_to_text(std::string_view card) {
  std::string out;
  std::string name;
  std::string structured_name;
  std::vector<std::string> lines;
  const auto flush = [&] {
    if (name.empty()) name = structured_name;
    if (!name.empty() || !lines.empty()) {
      if (!out.empty()) out.push_back('\n');
      out += name.empty() ? "" : name + "\n";
      for (const std::string& line : lines) out += line + "\n";
    }
    name.clear();
    structured_name.clear();
    lines.clear();
  };
  for (const std::string& line : unfold(card)) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string head = upper(line.substr(0, colon));
    std::string property = head.substr(0, head.find(';'));
    if (const std::size_t group = property.find('.'); group != std::string::npos) property.erase(0, group + 1);
    std::string value = line.substr(colon + 1);
    if (head.find("QUOTED-PRINTABLE") != std::string::npos) {
      std::string used;
      value = to_utf8(unquoted(value), "utf-8", used);
    }
    if (property == "END")
      flush();
    else if (property == "FN")
      name = readable(value, false);
    else if (property == "N")
      structured_name = name_of(value);
    const auto* shown = std::find_if(kShown.begin(), kShown.end(), [&](const auto& s) { return s.first == property; });
    if (shown == kShown.end()) continue;
    const std::string text = readable(value, property == "ADR" || property == "ORG");
    if (!text.empty()) lines.push_back(std::string(shown->second) + ": " + text);
  }
  flush();
  return out;
}

}  // namespace cpm::adapt::worker
