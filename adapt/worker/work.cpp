#include "adapt/worker/work.h"

#include "adapt/conversions.h"
#include "adapt/worker/facts.h"
#include "adapt/worker/film.h"
#include "adapt/worker/page.h"
#include "adapt/worker/picture.h"
#include "adapt/worker/sniff.h"
#include "adapt/worker/sound.h"
#include "adapt/worker/text.h"

#include <algorithm>
#include <charconv>
#include <exception>
#include <new>

namespace cpm::adapt::worker {

namespace {

Converted only_facts(const std::string& found, Parameters facts) {
  Converted done;
  done.type = "application/json";
  done.octets = facts_as_json(found, facts);
  done.facts = std::move(facts);
  return done;
}

Converted decode(const Task& task, const std::string& found, const Bounds& bounds) {
  const bool facts = task.target == "application/json";
  if (is_picture(found))
    return facts ? only_facts(found, picture_facts(task.octets, found, bounds)) : convert_picture(task, found, bounds);
  if (found.starts_with("video/"))
    return facts ? only_facts(found, film_facts(task.octets, found, bounds)) : poster(task, found, bounds);
  if (found.starts_with("audio/"))
    return facts ? only_facts(found, sound_facts(task.octets, found)) : convert_sound(task, found, bounds);
  if (found == "application/pdf") return facts ? only_facts(found, page_facts(task.octets)) : first_page(task, bounds);
  return convert_text(task, found);
}

// What the libraries throw, in our words. Their own texts may hold anything of the source.
Refused refusal_of(std::exception_ptr problem) {
  try {
    std::rethrow_exception(std::move(problem));
  } catch (const Stop& stop) {
    return {stop.why, stop.detail, stop.parameters, {}, {}};
  } catch (const std::bad_alloc&) {
    return {Refusal::too_large, "the source takes too much memory", {}, {}, {}};
  } catch (const std::length_error&) {
    return {Refusal::too_large, "the source takes too much memory", {}, {}, {}};
  } catch (const Magick::ErrorResourceLimit&) {
    return {Refusal::too_large, "the picture takes too much memory", {}, {}, {}};
  } catch (const Magick::ErrorCache&) {
    return {Refusal::too_large, "the picture takes too much memory", {}, {}, {}};
  } catch (const Magick::ErrorMissingDelegate&) {
    return {Refusal::unsupported, "this conversion is not available here", {}, {}, {}};
  } catch (const Magick::ErrorPolicy&) {
    return {Refusal::unsupported, "this conversion is not available here", {}, {}, {}};
  } catch (const std::exception&) {
    return {Refusal::broken_source, "the source cannot be read", {}, {}, {}};
  }
}

}  // namespace

std::int64_t number_of(const Parameters& parameters, const std::string& name) {
  const auto it = parameters.find(name);
  std::int64_t number = 0;
  if (it != parameters.end()) std::from_chars(it->second.data(), it->second.data() + it->second.size(), number);
  return number;
}

void prepare(const Bounds& bounds) {
  prepare_sniffer();
  prepare_text();
  prepare_pictures(bounds);
  prepare_films();
  prepare_sounds();
  prepare_pages();
}

Outcome work(const Task& task, const Bounds& bounds, const std::function<void(const std::string&)>& found) {
  Found what;
  std::string target = task.target;
  const auto refuse = [&](Refused refused) {
    refused.found = what.type;
    refused.target = target;
    return refused;
  };
  try {
    what = sniff(task.octets, task.declared);
    found(what.type);
    if (target == kWhatItIs) return Converted{target, {}, {}, what.type, what.mislabelled, {}};
    const Conversion* conversion = find_conversion(what.type, target);
    if (conversion == nullptr) return refuse({Refusal::unsupported, "this conversion is not possible", {}, {}, {}});
    target = conversion->target;
    if (auto wrong = wrong_parameters(*conversion, task.parameters); !wrong.empty()) {
      const bool known = std::all_of(wrong.begin(), wrong.end(),
                                     [&](const std::string& name) { return has_parameter(*conversion, name); });
      return refuse({Refusal::bad_parameters,
                     known ? "these parameters have values that are not possible"
                           : "these parameters do not belong to this conversion",
                     std::move(wrong),
                     {},
                     {}});
    }
    Task settled{task.declared, task.charset, target, task.parameters, task.octets};
    Converted done = decode(settled, what.type, bounds);
    if (done.octets.size() > bounds.result_octets)
      return refuse({Refusal::too_large, "the result is too large", {}, {}, {}});
    done.found = what.type;
    done.mislabelled = what.mislabelled;
    return done;
  } catch (...) {
    return refuse(refusal_of(std::current_exception()));
  }
}

}  // namespace cpm::adapt::worker
