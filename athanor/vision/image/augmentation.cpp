#include "athanor/vision/image/augmentation.hpp"

#include "athanor/base/error.hpp"
#include "athanor/vision/image/json.hpp"
#include "athanor/vision/image/trivial_augment.hpp"

namespace athanor::vision {

namespace {

using nlohmann::json;

constexpr std::string_view kInterpolations[] = {"antialias", "bilinear", "nearest"};

json write(const ResizedCrop& p) {
  return {{"width", p.width},
          {"height", p.height},
          {"area_min", p.area_min},
          {"area_max", p.area_max},
          {"ratio_min", p.ratio_min},
          {"ratio_max", p.ratio_max},
          {"interpolation", kInterpolations[static_cast<int>(p.interpolation)]}};
}
void read(FieldReader& fields, ResizedCrop& p) {
  fields.read("width", p.width);
  fields.read("height", p.height);
  fields.read("area_min", p.area_min);
  fields.read("area_max", p.area_max);
  fields.read("ratio_min", p.ratio_min);
  fields.read("ratio_max", p.ratio_max);
  fields.read_name("interpolation", p.interpolation, kInterpolations);
}

json write(const PaddedCrop& p) {
  return {{"width", p.width}, {"height", p.height}, {"padding", p.padding}, {"fill", p.fill}};
}
void read(FieldReader& fields, PaddedCrop& p) {
  fields.read("width", p.width);
  fields.read("height", p.height);
  fields.read("padding", p.padding);
  fields.read("fill", p.fill);
}

json write(const RandomAffine& p) {
  return {{"degrees", p.degrees},     {"translate", p.translate}, {"scale_min", p.scale_min},
          {"scale_max", p.scale_max}, {"shear", p.shear},         {"fill", p.fill}};
}
void read(FieldReader& fields, RandomAffine& p) {
  fields.read("degrees", p.degrees);
  fields.read("translate", p.translate);
  fields.read("scale_min", p.scale_min);
  fields.read("scale_max", p.scale_max);
  fields.read("shear", p.shear);
  fields.read("fill", p.fill);
}

json write(const TrivialAugment& p) { return {{"fill", p.fill}}; }
void read(FieldReader& fields, TrivialAugment& p) { fields.read("fill", p.fill); }
void check(const TrivialAugment&) {}

json write(const ColorJitter& p) {
  return {{"brightness", p.brightness},
          {"contrast", p.contrast},
          {"saturation", p.saturation},
          {"hue", p.hue}};
}
void read(FieldReader& fields, ColorJitter& p) {
  fields.read("brightness", p.brightness);
  fields.read("contrast", p.contrast);
  fields.read("saturation", p.saturation);
  fields.read("hue", p.hue);
}

json write(const RandomErasing& p) {
  return {{"probability", p.probability},
          {"area_min", p.area_min},
          {"area_max", p.area_max},
          {"ratio_min", p.ratio_min}};
}
void read(FieldReader& fields, RandomErasing& p) {
  fields.read("probability", p.probability);
  fields.read("area_min", p.area_min);
  fields.read("area_max", p.area_max);
  fields.read("ratio_min", p.ratio_min);
}

/// Calls f(name, part) for each optional part; the one list of them.
template <class A, class F>
void for_each_part(A& a, const F& f) {
  f("resized_crop", a.resized_crop);
  f("crop", a.crop);
  f("affine", a.affine);
  f("trivial_augment", a.trivial_augment);
  f("jitter", a.jitter);
  f("erasing", a.erasing);
}

}  // namespace

void check(const Augmentation& a) {
  for (const float p : {a.horizontal_flip, a.vertical_flip})
    require(p >= 0 && p <= 1, "augmentation: the probability of a flip is 0 to 1, got {}", p);
  for_each_part(a, [](const char*, const auto& part) {
    if (part) check(*part);
  });
}

Image augment(const Image& image, const Augmentation& a, Random& random) {
  check(image, "augment");
  check(a);
  Image out = image;
  if (a.resized_crop) out = random_resized_crop(out, *a.resized_crop, random);
  if (a.crop) out = random_crop(out, *a.crop, random);
  if (a.horizontal_flip > 0) out = random_horizontal_flip(out, a.horizontal_flip, random);
  if (a.vertical_flip > 0) out = random_vertical_flip(out, a.vertical_flip, random);
  if (a.affine) out = random_affine(out, *a.affine, random);
  if (a.trivial_augment) out = trivial_augment(out, a.trivial_augment->fill, random);
  if (a.jitter) out = color_jitter(out, *a.jitter, random);
  if (a.erasing) out = random_erasing(out, *a.erasing, random);
  return out;
}

void to_json(json& out, const Augmentation& a) {
  out = json::object();
  if (a.horizontal_flip > 0) out["horizontal_flip"] = a.horizontal_flip;
  if (a.vertical_flip > 0) out["vertical_flip"] = a.vertical_flip;
  for_each_part(a, [&](const char* name, const auto& part) {
    if (part) out[name] = write(*part);
  });
}

void from_json(const json& in, Augmentation& result) {
  Augmentation a;
  FieldReader fields(in, "augmentation");
  fields.read("horizontal_flip", a.horizontal_flip);
  fields.read("vertical_flip", a.vertical_flip);
  for_each_part(a, [&](const char* name, auto& part) {
    json object;
    fields.read(name, object);
    if (object.is_null()) return;
    FieldReader inner(object, name);
    read(inner, part.emplace());
    inner.finish();
  });
  fields.finish();
  try {
    check(a);
  } catch (const ValueError& error) {
    throw FormatError(error.what());
  }
  result = a;
}

}  // namespace athanor::vision
